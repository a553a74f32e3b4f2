using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Dispatch.Outgoing;
using Skep.Manager;
using Skep.Rpc.Server;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Dispatch;

/// <summary>The service that engines talk to: sessions, heartbeats, assignments, statuses. It decides nothing.</summary>
/// <param name="manager">The state, and the leader.</param>
/// <param name="sessions">Of the nodes here.</param>
/// <param name="feeds">What changes for each.</param>
/// <param name="statuses">Where their reports go.</param>
/// <param name="hasTimeToSpare">See <see cref="ReportTurns"/>.</param>
/// <param name="options">Times and limits.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what nodes are refused.</param>
public sealed class DispatcherService(IManager manager, NodeSessions sessions, NodeFeeds feeds, StatusIntake statuses, Func<bool> hasTimeToSpare, DispatchOptions options, TimeProvider time, ILogger<DispatcherService> logger)
    : DispatcherBase, IDisposable
{
    private readonly TaskMessages _messages = new();
    private readonly ReportTurns _reports = new(options.ReportsAtATime, options.ReportsPerTurn, hasTimeToSpare, time);
    private readonly AssignmentTurns _turns = new(Environment.ProcessorCount, options.AssignmentBatching, options.BurstInterval, time);

    public override async Task Session(SessionRequest request, IServerStreamWriter<SessionMessage> stream, ServerCallContext context)
    {
        var nodeId = context.GetNode().NodeId;
        var news = new Signal();
        using var feed = feeds.Open(nodeId, ofTasks: false, _ => news.Set());
        var session = await OpenSessionAsync(nodeId, request, context);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, session.Ended);
        SessionMessage? told = null;
        while (true)
        {
            var message = manager.Store.Read(state => SessionMessages.Make(state, session));
            if (message is not null && !message.Equals(told))
            {
                await stream.WriteAsync(message, ended.Token);
                told = message;
            }
            await WaitAsync(news, ended.Token);
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
        var session = sessions.Get(nodeId, request.SessionId);
        var updates = request.Updates;
        for (var i = updates.Count - 1; i >= 0; i--)
        {
            if (updates[i].Status is null)
                updates.RemoveAt(i);
        }
        await RequireOwnAsync(nodeId, updates, context.CancellationToken);
        if (updates.Count > 0)
            await statuses.TakeAsync(nodeId, updates, session.Urgent.HasOneOf(updates), context.CancellationToken);
        var turn = _reports.WaitAsync(session.Speaker, session.Urgent.Any);
        // It may have been told of an urgent task just before the call began to wait: then nobody else hurries it.
        if (!turn.IsCompleted)
            HurryIfUrgent(session);
        await turn;
        session.Urgent.Note(updates);
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
        var visitor = _turns.NewVisitor();
        using var feed = feeds.Open(nodeId, ofTasks: true, isUrgent => _turns.Note(visitor, isUrgent));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, session.Ended);
        var set = new AssignmentSet(_messages, nodeId, session.Urgent);
        var sequence = new AssignmentSequence();
        using var end = ended.Token.UnsafeRegister(_ => _turns.End(visitor), null);
        // An engine removes what is not in the first message. So nobody sends it from a state that lags behind, and nobody thinks himself
        // the leader who is not: whatever was committed when the engine asked is in this state first.
        await CatchUpAsync(ended.Token);
        await stream.WriteAsync(sequence.Next(AssignmentsMessage.Types.Type.Complete, manager.Store.Read(set.Everything)), ended.Token);
        while (await _turns.WaitAsync(visitor))
        {
            IEnumerable<string[]> parts;
            Task sending;
            try
            {
                if (session.Ended.IsCancellationRequested || feed.Take() is not { } changed)
                    throw SessionInvalid();
                parts = changed.Chunk(options.MaxChangesPerMessage);
                sending = SendAsync(stream, set, sequence, parts.FirstOrDefault() ?? [], ended.Token);
            }
            finally
            {
                _ = _turns.LeaveAsync();
            }
            HurryIfUrgent(session);
            // Not while others wait: the engine may be slow.
            await sending;
            foreach (var tasks in parts.Skip(1))
                await SendAsync(stream, set, sequence, tasks, ended.Token);
        }
        if (session.Ended.IsCancellationRequested)
            throw SessionInvalid();
    }

    public void Dispose()
    {
        _reports.Dispose();
        _turns.Dispose();
    }

    private async Task<NodeSession> OpenSessionAsync(string nodeId, SessionRequest request, ServerCallContext context)
    {
        var address = PeerAddress.Of(context);
        if (sessions.Find(nodeId, request.SessionId) is { } session)
            await sessions.ArriveAsync(nodeId, session.Id, request.Description, address, context.CancellationToken);
        else
            session = await sessions.RegisterAsync(nodeId, request.Description, address, context.CancellationToken);
        if (context is ServerCall { Connection: var connection })
            session.HasUnread = () => connection.HasUnread;
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

    private void HurryIfUrgent(NodeSession session)
    {
        if (session.Urgent.Any)
            _reports.Hurry(session.Speaker);
    }

    /// <summary>
    /// A node speaks only of its own tasks. What this manager does not know, because it lags or the task is gone, is for the leader to
    /// judge: it may have been told to the node by another manager.
    /// </summary>
    private async Task RequireOwnAsync(string nodeId, IReadOnlyList<UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates, CancellationToken cancellation)
    {
        if (Foreign(nodeId, updates) is null)
            return;
        await CatchUpAsync(cancellation);
        if (Foreign(nodeId, updates) is not { } taskId)
            return;
        logger.LogWarning("node {NodeId} reported a status of task {TaskId}, which is not its own", nodeId, taskId);
        throw new RpcException(new Status(StatusCode.PermissionDenied, "cannot update a task not assigned this node"));
    }

    private string? Foreign(string nodeId, IReadOnlyList<UpdateTaskStatusRequest.Types.TaskStatusUpdate> updates) => manager.Store.Read(state =>
    {
        for (var i = 0; i < updates.Count; i++)
        {
            if (state.Tasks.Find(updates[i].TaskId) is { } task && task.NodeId != nodeId)
                return task.Id;
        }
        return null;
    });

    private async Task CatchUpAsync(CancellationToken ended)
    {
        try
        {
            await manager.CatchUpAsync(options, time, ended);
        }
        catch (OperationCanceledException)
        {
            throw SessionInvalid();
        }
    }

    /// <summary>Stock's words: the engine opens a new session.</summary>
    private static RpcException SessionInvalid() => new(new Status(StatusCode.InvalidArgument, "session invalid"));

    private static async Task WaitAsync(Signal news, CancellationToken ended)
    {
        try
        {
            await news.WaitAsync(ended);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at why.
        }
    }
}
