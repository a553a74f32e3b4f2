using Grpc.Core;
using Skep.Dispatch.LogSharing;
using Skep.Manager;

namespace Skep.Dispatch.Logs;

/// <summary>Gives other managers the logs of the nodes that are connected to this one. For managers only.</summary>
public sealed class ManagerLogsService(IManager manager, LogBroker broker, DispatchOptions options, TimeProvider time) : ManagerLogs.ManagerLogsBase
{
    public override async Task Subscribe(LogShareRequest request, IServerStreamWriter<LogShare> responseStream, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, broker.Stopped);
        try
        {
            // The one who asks knows the service and its tasks; so must this manager.
            await manager.CatchUpAsync(options, time, ended.Token).ConfigureAwait(false);
            await foreach (var share in broker.ShareAsync(request, ended.Token).ConfigureAwait(false))
                await responseStream.WriteAsync(share, ended.Token).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            throw e.ToRpc();
        }
        catch (OperationCanceledException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the reader has left, or this manager stops"));
        }
    }
}
