using System.Threading.Channels;
using Grpc.Core;
using Skep.Manager;
using Skep.State;

namespace Skep.Dispatch.Leader;

/// <summary>Inputs on their way to the leader: what waits goes in one call, and a few calls are under way at a time.</summary>
internal sealed class LeaderLane : IAsyncDisposable
{
    /// <summary>Inputs that may wait; more are refused.</summary>
    private const int MaxWaiting = 50_000;

    private const int MaxInputsPerCall = 1_000;

    /// <summary>Bytes of one call, about: the largest input (a secret, a config, a flush of statuses) is some MB.</summary>
    private const int MaxCallBytes = 4 << 20;

    private const int MaxCalls = 16;

    /// <summary>Of a call: a leader that answers nothing for so long hangs.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);

    private readonly ILeaderLocator _locator;
    private readonly TimeProvider _time;
    private readonly Channel<Pending> _waiting = Channel.CreateBounded<Pending>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly Channel<None> _calls = Channel.CreateBounded<None>(MaxCalls); // one in it for each call under way
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _sending;

    public LeaderLane(ILeaderLocator locator, TimeProvider time)
    {
        _locator = locator;
        _time = time;
        _sending = Waiting.Start(SendAllAsync);
    }

    public async Task<LeaderAnswer> SubmitAsync(Input input, CancellationToken cancellation)
    {
        var pending = new Pending(InputCodec.Encode(input));
        if (!_waiting.Writer.TryWrite(pending))
            throw new ControlException(ControlError.Unavailable, $"the manager is overloaded: {MaxWaiting} requests wait; try again later");
        return await pending.Done.Task.OrCancelledAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        _closing.Cancel();
        await _sending;
    }

    private async Task SendAllAsync()
    {
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(_closing.Token))
            {
                await _calls.Writer.WriteAsync(default, _closing.Token);
                _ = CallAsync(Take());
            }
        }
        catch (OperationCanceledException)
        {
            // Closed.
        }
        while (_waiting.Reader.TryRead(out var left))
            left.Done.TrySetException(new InputNotTakenException());
    }

    private List<Pending> Take()
    {
        var taken = new List<Pending>();
        var bytes = 0;
        while (taken.Count < MaxInputsPerCall && bytes < MaxCallBytes && _waiting.Reader.TryRead(out var one))
        {
            taken.Add(one);
            bytes += one.Input.CalculateSize();
        }
        return taken;
    }

    private async Task CallAsync(List<Pending> inputs)
    {
        try
        {
            var reply = await CallLeaderAsync(inputs);
            for (var i = 0; i < inputs.Count; i++)
                Answer(inputs[i], reply.Answers[i], reply.Version);
        }
        catch (Exception e)
        {
            foreach (var input in inputs)
                input.Done.TrySetException(e);
        }
        finally
        {
            _calls.Reader.TryRead(out _);
        }
    }

    private async Task<SubmitReply> CallLeaderAsync(List<Pending> inputs)
    {
        var leader = _locator.Leader ?? throw new InputNotTakenException();
        var request = new SubmitRequest();
        request.Inputs.AddRange(inputs.Select(input => input.Input));
        using var timeout = new CancellationTokenSource(CallTimeout, _time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, leader.Replaced, _closing.Token);
        try
        {
            var reply = await new Leader.LeaderClient(leader.Channel).SubmitAsync(request, cancellationToken: ended.Token);
            return reply.Answers.Count == inputs.Count ? reply : throw new ControlException(ControlError.Internal, "the leader left requests unanswered");
        }
        catch (RpcException e) when (IsUnsent(e))
        {
            throw new InputNotTakenException(e);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            throw new ControlException(ControlError.Unavailable, "the leader was lost while the request waited; it may or may not have been done");
        }
    }

    // No connection came about, so nothing was sent.
    private static bool IsUnsent(RpcException fault) => fault.StatusCode == StatusCode.Unavailable
        && fault.Status.DebugException is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError };

    private static void Answer(Pending pending, ForwardedAnswer answer, ulong version)
    {
        try
        {
            pending.Done.TrySetResult(new LeaderAnswer(InputCodec.Decode(answer), version));
        }
        catch (Exception refusal)
        {
            pending.Done.TrySetException(refusal);
        }
    }

    private sealed record Pending(ForwardedInput Input)
    {
        public TaskCompletionSource<LeaderAnswer> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
