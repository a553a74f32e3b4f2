using Skep.Manager.Orchestration;
using Skep.State;

namespace Skep.Manager.Reaping;

/// <summary>A node that has been down for a day is not expected back: its tasks are ORPHANED, so that what they hold is free again.</summary>
/// <remarks>
/// Since when a node is down is the time of its last change, so a new leader counts on from there (a change while it is down, as of its
/// labels, starts the day anew).
/// </remarks>
public sealed class OrphanedTasks : IRule
{
    public static readonly TimeSpan DownTime = TimeSpan.FromHours(24);

    private readonly Dictionary<string, DateTimeOffset> _downSince = [];
    private readonly PriorityQueue<string, DateTimeOffset> _timers = new();
    private readonly Queue<string> _tasks = [];

    public bool HasWork => _tasks.Count > 0;

    public DateTimeOffset? NextDue => _timers.TryPeek(out _, out var due) ? due : null;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _downSince.Clear();
        _timers.Clear();
        _tasks.Clear();
        foreach (var node in state.Nodes.Values)
            NoteNode(node);
    }

    public void Note(Change change)
    {
        if (change is not NodeChange node)
            return;
        if (node.New is null)
            _downSince.Remove(node.Old!.Id);
        else
            NoteNode(node.New);
    }

    public void Run(Turn turn)
    {
        while (_timers.TryPeek(out var nodeId, out var due) && due <= turn.Now)
        {
            _timers.Dequeue();
            // The timer of a node that came back, or went down again since, is another's.
            if (!_downSince.TryGetValue(nodeId, out var since) || since + DownTime != due)
                continue;
            _downSince.Remove(nodeId);
            foreach (var task in turn.State.Tasks.OnNode(nodeId))
                _tasks.Enqueue(task.Id);
        }
        var batch = new TaskBatch(turn);
        while (!batch.Exhausted && _tasks.TryDequeue(out var taskId))
        {
            if (turn.State.Tasks.Find(taskId) is { State: >= Wire.TaskState.Assigned and <= Wire.TaskState.Running } task)
                Orphan(batch, task);
        }
    }

    private static void Orphan(TaskBatch batch, TaskRecord task)
    {
        var status = task.Status.ToWire();
        status.State = Wire.TaskState.Orphaned;
        batch.SetStatus(task, status);
    }

    private void NoteNode(Wire.Node node)
    {
        if (!NodeStates.IsDown(node))
        {
            _downSince.Remove(node.Id);
            return;
        }
        var since = node.Meta.UpdatedAt.ToDateTimeOffset();
        if (_downSince.TryAdd(node.Id, since))
            _timers.Enqueue(node.Id, since + DownTime);
    }
}
