using Grpc.Core;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Dispatch.Logs;

/// <summary>What engines call for service logs: they listen for subscriptions, and publish one stream of messages for each.</summary>
public sealed class LogBrokerService(LogBroker broker) : Wire.LogBroker.LogBrokerBase
{
    public override async Task ListenSubscriptions(ListenSubscriptionsRequest request, IServerStreamWriter<SubscriptionMessage> responseStream, ServerCallContext context)
    {
        using var listener = broker.Listen(context.GetNode().NodeId);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, broker.Stopped);
        try
        {
            while (true)
            {
                await listener.WaitAsync(ended.Token).ConfigureAwait(false);
                foreach (var news in broker.NewsOf(listener))
                    await responseStream.WriteAsync(news, ended.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The engine went away, or this manager stops.
        }
    }

    public override async Task<PublishLogsResponse> PublishLogs(IAsyncStreamReader<PublishLogsMessage> requestStream, ServerCallContext context)
    {
        var nodeId = context.GetNode().NodeId;
        LogSubscription? subscription = null;
        // What is told of the node when the stream ends in any other way than by its close.
        string? failure = $"node {nodeId} stopped sending before it was done";
        try
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, broker.Stopped);
            while (await requestStream.MoveNext(ended.Token).ConfigureAwait(false) && requestStream.Current is var message)
            {
                Check(message, nodeId, subscription);
                subscription ??= broker.Begin(message.SubscriptionId, nodeId) ?? throw new RpcException(new Status(StatusCode.NotFound, "unknown subscription ID"));
                if (message.Close)
                    break;
                await subscription.WriteAsync(message.Messages, ended.Token).ConfigureAwait(false);
            }
            failure = null;
            return new PublishLogsResponse();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The engine went away, or it was told to stop: nobody hears the answer.
            return new PublishLogsResponse();
        }
        catch (RpcException refused)
        {
            failure = $"node {nodeId}: {refused.Status.Detail}";
            throw;
        }
        finally
        {
            if (subscription is not null)
                broker.Done(subscription, nodeId, failure);
        }
    }

    private static void Check(PublishLogsMessage message, string nodeId, LogSubscription? subscription)
    {
        if (message.SubscriptionId.Length == 0)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "missing subscription ID"));
        if (subscription is not null && message.SubscriptionId != subscription.Id)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "different subscription IDs in the same session"));
        // A node speaks for itself only.
        if (message.Messages.FirstOrDefault(m => m.Context?.NodeId != nodeId) is { } foreign)
            throw new RpcException(new Status(StatusCode.PermissionDenied, $"invalid NodeID: expected={nodeId};received={foreign.Context?.NodeId}"));
    }
}
