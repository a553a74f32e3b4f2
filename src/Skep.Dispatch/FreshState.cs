using Grpc.Core;
using Skep.Manager;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>For calls that must not be answered from a state that lags.</summary>
internal static class FreshState
{
    /// <summary>Waits until this manager has applied what is committed now.</summary>
    /// <exception cref="RpcException">Unavailable: no leader answered in time; the caller comes again, here or elsewhere.</exception>
    public static async Task CatchUpAsync(this IManager manager, DispatchOptions options, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            using var patience = new CancellationTokenSource(options.BarrierPatience, time);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
            await manager.ReadBarrierAsync(ended.Token).OrCancelledAsync(ended.Token);
        }
        catch (ControlException e)
        {
            throw e.ToRpc();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "this manager cannot reach the leader; try another one"));
        }
    }
}
