using Grpc.Core;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Dispatch;

/// <summary>Service logs. Engines keep a subscription stream open; no subscription is pushed yet (docker service logs comes later).</summary>
public sealed class LogBrokerService : LogBroker.LogBrokerBase
{
    public override async Task ListenSubscriptions(ListenSubscriptionsRequest request, IServerStreamWriter<SubscriptionMessage> responseStream, ServerCallContext context)
    {
        // An ended stream would make every engine try again each few seconds.
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The engine went away.
        }
    }
}
