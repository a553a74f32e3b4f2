using Google.Protobuf;
using Grpc.Core;
using Skep.Dispatch.Leader;
using Skep.Simulation.Engine;

namespace Skep.Simulation.Managers;

/// <summary>A gRPC channel to the leader over the simulated network, for the one call that there is.</summary>
internal sealed class LeaderChannel(World world, Func<(Connection Connection, ManagerProcess Process)?> connect) : ChannelBase("simulated")
{
    public override CallInvoker CreateCallInvoker() => new Invoker(world, connect);

    private sealed class Invoker(World world, Func<(Connection Connection, ManagerProcess Process)?> connect) : CallInvoker
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            var sent = SubmitRequest.Parser.ParseFrom(((IMessage)request).ToByteArray());
            return new AsyncUnaryCall<TResponse>(CallAsync<TResponse>(sent, options.CancellationToken), Task.FromResult<Metadata>([]), () => Status.DefaultSuccess, () => [], () => { });
        }

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        private async Task<TResponse> CallAsync<TResponse>(SubmitRequest request, CancellationToken cancellation)
            where TResponse : class
        {
            await world.Loop.Delay(TimeSpan.Zero);
            if (connect() is not { } to)
                throw Unavailable(new HttpRequestException(HttpRequestError.ConnectionError));
            try
            {
                var call = to.Connection.CallAsync(ended => to.Process.Leader.Submit(request, new NodeCall("manager", "10.0.0.1", ended)), TimeSpan.FromHours(1));
                var reply = await Skep.State.Waiting.OrCancelledAsync(call, cancellation);
                return (TResponse)(object)SubmitReply.Parser.ParseFrom(reply.ToByteArray());
            }
            catch (ConnectionLostException e)
            {
                throw Unavailable(world.Seams.LostCallsAreUndone ? new HttpRequestException(HttpRequestError.ConnectionError) : e);
            }
            catch (OperationCanceledException)
            {
                throw new RpcException(new Status(StatusCode.Cancelled, "cancelled"));
            }
        }

        private static RpcException Unavailable(Exception cause) => new(new Status(StatusCode.Unavailable, cause.Message, cause));
    }
}
