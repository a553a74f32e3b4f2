using System.Threading.Channels;
using Skep.Dispatch.LogSharing;
using Skep.State;

namespace Skep.Dispatch.Logs;

/// <summary>One reader's wish: which nodes were asked, which of them have still to send, and what they have sent.</summary>
/// <remarks>Not thread-safe but for the messages: the broker's lock guards the rest.</remarks>
/// <param name="id">As nodes name it.</param>
/// <param name="selector">Whose logs.</param>
/// <param name="options">How much of them.</param>
/// <param name="share">
/// For another manager's reader: only nodes that are connected here count, who is missing is that manager's to tell. Of these only those
/// named, if any are.
/// </param>
internal sealed class LogSubscription(string id, Wire.LogSelector selector, Wire.LogSubscriptionOptions options, IReadOnlySet<string>? share = null)
{
    /// <summary>Most messages that wait for the reader, about one line each; then the engines must wait.</summary>
    public const int Capacity = 64;

    private readonly HashSet<string> _services = [.. selector.ServiceIds];
    private readonly HashSet<string> _tasks = [.. selector.TaskIds];
    private readonly HashSet<string> _nodes = [];
    private readonly HashSet<string> _waiting = [];
    private readonly HashSet<string> _begun = [];
    private readonly SortedSet<string> _unscheduled = new(StringComparer.Ordinal);
    private readonly List<LogFailure> _failures = [];
    private readonly SortedSet<string> _absentManagers = new(StringComparer.Ordinal);
    private readonly Channel<IReadOnlyList<Wire.LogMessage>> _messages =
        Channel.CreateBounded<IReadOnlyList<Wire.LogMessage>>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    public string Id => id;

    public Wire.LogSelector Selector => selector;

    public Wire.LogSubscriptionOptions Options => options;

    public bool IsShare => share is not null;

    /// <summary>Nodes that did not send all they have.</summary>
    public IReadOnlyList<LogFailure> Failures => _failures;

    /// <summary>Nodes that have still to send.</summary>
    public IReadOnlyCollection<string> Waiting => _waiting;

    public bool Follows => options.Follow;

    /// <summary>All nodes that have, or had, something to send.</summary>
    public IReadOnlyCollection<string> Nodes => _nodes;

    public ChannelReader<IReadOnlyList<Wire.LogMessage>> Messages => _messages.Reader;

    /// <summary>What a node is told.</summary>
    public Wire.SubscriptionMessage Request => new() { Id = id, Selector = selector, Options = options };

    public static Wire.SubscriptionMessage Close(string id) => new() { Id = id, Close = true };

    public bool Selects(TaskRecord task) => _tasks.Contains(task.Id) || _services.Contains(task.ServiceId);

    /// <summary>The node is to send its messages: always when following, once otherwise.</summary>
    public bool Wants(string nodeId) => Follows ? _nodes.Contains(nodeId) : _waiting.Contains(nodeId);

    /// <summary>Looks for the nodes of all tasks there are.</summary>
    public void Match(ClusterState state)
    {
        foreach (var taskId in _tasks)
        {
            if (state.Tasks.Find(taskId) is { } task)
                Add(task);
        }
        foreach (var task in _services.SelectMany(state.Tasks.OfService))
        {
            // What never ran has said nothing.
            if (Follows || task.State >= Wire.TaskState.Running)
                Add(task);
        }
    }

    /// <summary>Notes a task's node; true when it was not asked before.</summary>
    public bool Add(TaskRecord task)
    {
        if (task.NodeId.Length == 0)
        {
            if (!IsShare)
                _unscheduled.Add(task.Id);
            return false;
        }
        if (share is { Count: > 0 } && !share.Contains(task.NodeId))
            return false;
        _unscheduled.Remove(task.Id);
        if (!_nodes.Add(task.NodeId))
            return false;
        _waiting.Add(task.NodeId);
        return true;
    }

    /// <summary>The node is not connected here, so it has no part in a share.</summary>
    public void Forget(string nodeId)
    {
        if (!Follows && _waiting.Remove(nodeId))
            _nodes.Remove(nodeId);
    }

    /// <summary>The manager could not be asked; named if a node stays missing.</summary>
    public void Absent(string managerId) => _absentManagers.Add(managerId);

    /// <summary>The node has opened its stream.</summary>
    public void Begin(string nodeId) => _begun.Add(nodeId);

    /// <summary>The node has sent everything, or never will for this reason. The last one ends a subscription that does not follow.</summary>
    public void Done(string nodeId, string? failure)
    {
        if (Follows || !_waiting.Remove(nodeId))
            return;
        if (failure is not null)
            _failures.Add(new LogFailure { NodeId = nodeId, Reason = failure });
        EndWhenComplete();
    }

    /// <summary>Gives up on nodes that have not even begun.</summary>
    public void GiveUpOnSilent(TimeSpan patience)
    {
        foreach (var nodeId in _waiting.Except(_begun).ToList())
            Done(nodeId, $"node {nodeId} has not answered within {patience.TotalSeconds:0} s");
    }

    public void EndWhenComplete()
    {
        if (!Follows && _waiting.Count == 0)
            End(Incomplete());
    }

    /// <summary>No message is taken any more; those that wait are still read, then the error is thrown.</summary>
    public void End(Exception? error) => _messages.Writer.TryComplete(error);

    /// <summary>Hands messages to the reader, waiting while it is behind; those of a reader that has left are dropped.</summary>
    public async ValueTask WriteAsync(IReadOnlyList<Wire.LogMessage> messages, CancellationToken cancellation)
    {
        try
        {
            await _messages.Writer.WriteAsync(messages, cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // The node learns by its own stream of subscriptions that it can stop; ending the call would be an error in its log.
        }
    }

    private LogsIncompleteException? Incomplete() => IsShare || _failures.Count + _unscheduled.Count == 0
        ? null
        : new LogsIncompleteException([
            .. _failures.Select(failure => failure.Reason),
            .. _failures.Count > 0 ? _absentManagers.Select(managerId => $"manager {managerId} is not available") : [],
            .. _unscheduled.Select(taskId => $"task {taskId} has not been scheduled")]);
}
