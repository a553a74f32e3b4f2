using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Dispatch.Outgoing;
using Skep.Manager;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Dispatch;

/// <summary>The service that engines talk to: sessions, heartbeats, assignments, statuses. It decides nothing.</summary>
public sealed class DispatcherService(IManager manager, NodeSessions sessions, NodeFeeds feeds, StatusIntake statuses, DispatchOptions options, TimeProvider time, ILogger<DispatcherService> logger)
    : DispatcherBase
{
    private readonly TaskMessages _messages = new();

    public override async Task Session(SessionRequest request, IServerStreamWriter<SessionMessage> stream, ServerCallContext context)
    {
        var nodeId = context.GetNode().NodeId;
        using var feed = feeds.Open(nodeId);
        var session = await OpenSessionAsync(nodeId, request, context);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, session.Ended);
        SessionMessage? told = null;
        while (true)
        {
            var message = manager.Store.Read(state => SessionMessages.Make(state, nodeId, session.Id));
            if (message is not null && !message.Equals(told))
            {
                await stream.WriteAsync(message, ended.Token);
                told = message;
            }
            await WaitAsync(feed, ended.Token);
            if (session.Ended.IsCancellationRequested || feed.Take() is null)
                throw new RpcException(new Status(StatusCode.Aborted, "node must disconnect"));
            if (context.CancellationToken.IsCancellationRequested)
                return;
        }
    }

    public override Task<HeartbeatResponse> Heartbeat(HeartbeatRequest request, ServerCallContext context)
    {
        var period = sessions.Beat(context.GetNode().NodeId, request.SessionId);
        return Task.FromResult(new HeartbeatResponse { Period = Duration.FromTimeSpan(period) });
    }

    public override async Task<UpdateTaskStatusResponse> UpdateTaskStatus(UpdateTaskStatusRequest request, ServerCallContext context)
    {
        var nodeId = context.GetNode().NodeId;
        sessions.Get(nodeId, request.SessionId);
        var valid = manager.Store.Read(state => request.Updates.Where(u => IsKnown(state, nodeId, u)).ToList());
        if (valid.Count > 0)
            await statuses.TakeAsync(nodeId, valid, context.CancellationToken);
        return new UpdateTaskStatusResponse();
    }

    public override Task<UpdateVolumeStatusResponse> UpdateVolumeStatus(UpdateVolumeStatusRequest request, ServerCallContext context)
    {
        // There are no cluster volumes, so there is nothing to note; engines call this when they start.
        sessions.Get(context.GetNode().NodeId, request.SessionId);
        return Task.FromResult(new UpdateVolumeStatusResponse());
    }

    public override async Task Assignments(AssignmentsRequest request, IServerStreamWriter<OutgoingAssignments> stream, ServerCallContext context)
    {
        var nodeId = context.GetNode().NodeId;
        var session = sessions.Get(nodeId, request.SessionId);
        using var feed = feeds.Open(nodeId);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, session.Ended);
        var set = new AssignmentSet(_messages, nodeId);
        var sequence = new AssignmentSequence();
        await stream.WriteAsync(sequence.Next(AssignmentsMessage.Types.Type.Complete, manager.Store.Read(set.Everything)), ended.Token);
        while (!context.CancellationToken.IsCancellationRequested)
        {
            await WaitAsync(feed, ended.Token);
            if (!ended.IsCancellationRequested)
                await Task.Delay(options.AssignmentBatching, time, CancellationToken.None);
            if (session.Ended.IsCancellationRequested || feed.Take() is not { } news)
                throw new RpcException(new Status(StatusCode.InvalidArgument, "session invalid"));
            foreach (var tasks in news.Tasks.Chunk(options.MaxChangesPerMessage))
                await SendAsync(stream, set, sequence, tasks, ended.Token);
        }
    }

    private async Task<NodeSession> OpenSessionAsync(string nodeId, SessionRequest request, ServerCallContext context)
    {
        var address = PeerAddress.Of(context);
        if (sessions.Find(nodeId, request.SessionId) is not { } session)
            return await sessions.RegisterAsync(nodeId, request.Description, address, context.CancellationToken);
        await sessions.ArriveAsync(nodeId, request.Description, address, context.CancellationToken);
        return session;
    }

    private async Task SendAsync(IServerStreamWriter<OutgoingAssignments> stream, AssignmentSet set, AssignmentSequence sequence, string[] taskIds, CancellationToken cancellation)
    {
        var changes = new List<OutgoingChange>(taskIds.Length);
        manager.Store.Read(state =>
        {
            foreach (var taskId in taskIds)
                set.Add(state, taskId, changes);
            return 0;
        });
        if (changes.Count == 0)
            return;
        await stream.WriteAsync(sequence.Next(AssignmentsMessage.Types.Type.Incremental, changes), cancellation);
        DispatchMetrics.Assignments.Inc(changes.Count);
    }

    private bool IsKnown(ClusterState state, string nodeId, UpdateTaskStatusRequest.Types.TaskStatusUpdate update)
    {
        // A task that is gone was removed while the status was under way.
        if (update.Status is null || state.Tasks.Find(update.TaskId) is not { } task)
            return false;
        if (task.NodeId == nodeId)
            return true;
        logger.LogWarning("node {NodeId} reported a status of task {TaskId}, which is not its own", nodeId, update.TaskId);
        throw new RpcException(new Status(StatusCode.PermissionDenied, "cannot update a task not assigned this node"));
    }

    private static async Task WaitAsync(NodeFeed feed, CancellationToken ended)
    {
        try
        {
            await feed.WaitAsync(ended);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at why.
        }
    }
}
