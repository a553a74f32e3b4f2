using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch.Leader;
using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Dispatch;

/// <summary>A follower's way to the leader.</summary>
public sealed class LeaderLinkTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly FarLeader _leader = new();
    private readonly LeaderLink _link;

    public LeaderLinkTests() => _link = new LeaderLink(new Locator(_leader), new FakeTimeProvider());

    [Fact]
    public async Task An_api_call_is_answered_while_thousands_of_nodes_words_are_not()
    {
        // Enough for all calls that may be under way at once; the leader answers none of them.
        var arrivals = Enumerable.Range(0, 20_000).Select(i => _link.SubmitAsync(new NodeArrived($"n{i}", null, ""), CancellationToken.None)).ToList();
        await UntilAsync(() => _leader.Held == 16);
        var answer = await _link.SubmitAsync(new ControlCall(new Wire.RemoveServiceRequest { ServiceId = "s" }), CancellationToken.None).WaitAsync(Patience);
        Assert.IsType<Wire.RemoveServiceResponse>(answer.Value);
        Assert.DoesNotContain(arrivals, arrival => arrival.IsCompleted);
        _leader.AnswerAll();
        await Task.WhenAll(arrivals).WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync() => await _link.DisposeAsync();

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }

    private sealed class Locator(FarLeader leader) : ILeaderLocator
    {
        public LeaderAddress? Leader { get; } = new(leader, CancellationToken.None);

        public bool HasLeader => true;
    }

    /// <summary>Answers API calls at once, and what nodes say when it is told to.</summary>
    private sealed class FarLeader() : ChannelBase("leader")
    {
        private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _held;

        public int Held => Volatile.Read(ref _held);

        public void AnswerAll() => _answered.SetResult();

        public override CallInvoker CreateCallInvoker() => new Invoker(this);

        private async Task<SubmitReply> AnswerAsync(SubmitRequest request)
        {
            var inputs = request.Inputs.Select(InputCodec.Decode).ToList();
            if (inputs.Exists(input => input is NodeArrived) && !_answered.Task.IsCompleted)
            {
                Interlocked.Increment(ref _held);
                await _answered.Task;
            }
            var reply = new SubmitReply();
            reply.Answers.AddRange(inputs.Select(input => InputCodec.EncodeValue(input is ControlCall ? new Wire.RemoveServiceResponse() : default(None))));
            return reply;
        }

        private sealed class Invoker(FarLeader leader) : CallInvoker
        {
            public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
            {
                async Task<TResponse> AnswerAsync() => (TResponse)(object)await leader.AnswerAsync((SubmitRequest)(object)request);
                return new AsyncUnaryCall<TResponse>(AnswerAsync(), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
            }

            public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

            public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

            public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

            public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
        }
    }
}
