using Action = Skep.Wire.AssignmentChange.Types.AssignmentAction;

namespace Skep.Simulation.Agents;

/// <summary>What an engine was told to run, how far each task is, and what it has still to report.</summary>
internal sealed class AgentTasks(World world, SimulatedAgent agent)
{
    private readonly Dictionary<string, AgentTask> _tasks = [];
    private readonly Dictionary<string, Wire.TaskStatus> _unreported = [];
    private readonly Queue<string> _order = new();
    private TaskCompletionSource? _news;

    public IReadOnlyCollection<AgentTask> All => _tasks.Values;

    /// <summary>An assignments message: a complete one removes what is not in it.</summary>
    public void Take(Wire.AssignmentsMessage message, string from)
    {
        var named = new HashSet<string>();
        foreach (var change in message.Changes)
        {
            if (change.Assignment.Task is not { } task)
                continue;
            named.Add(task.Id);
            if (change.Action == Action.Remove)
                Remove(task.Id, $"{from} said so");
            else
                Update(task);
        }
        if (message.Type != Wire.AssignmentsMessage.Types.Type.Complete)
            return;
        foreach (var id in _tasks.Keys.Where(id => !named.Contains(id)).ToList())
            Remove(id, $"it is missing from {from}'s complete assignments");
    }

    /// <summary>A new session: the manager hears of every task.</summary>
    public void ReportAll()
    {
        foreach (var task in _tasks.Values)
            Report(task);
    }

    public void Start()
    {
        foreach (var task in _tasks.Values)
            task.Go();
    }

    public void Stop(bool containersToo)
    {
        foreach (var task in _tasks.Values)
            task.Interrupt(containersToo);
    }

    /// <summary>A task came further; what was not reported of it yet is old news.</summary>
    public void Report(AgentTask task)
    {
        if (!_unreported.ContainsKey(task.Id))
            _order.Enqueue(task.Id);
        _unreported[task.Id] = task.Status;
        _news?.TrySetResult();
    }

    /// <summary>The call failed: it is said again, unless there is something newer by now.</summary>
    public void GiveBack(string taskId, Wire.TaskStatus status)
    {
        if (_tasks.ContainsKey(taskId) && _unreported.TryAdd(taskId, status))
            _order.Enqueue(taskId);
    }

    /// <summary>Waits for something to report.</summary>
    public async Task<(string TaskId, Wire.TaskStatus Status)> NextStatusAsync(CancellationToken ended)
    {
        while (true)
        {
            while (_order.TryDequeue(out var id))
            {
                if (_unreported.Remove(id, out var status))
                    return (id, status);
            }
            _news = new TaskCompletionSource();
            var news = _news;
            using (ended.Register(() => news.TrySetCanceled(ended)))
                await news.Task;
        }
    }

    private void Update(Wire.Task task)
    {
        if (_tasks.TryGetValue(task.Id, out var known))
        {
            known.SetDesiredState(task.DesiredState);
            return;
        }
        var added = new AgentTask(world, agent, task);
        _tasks.Add(task.Id, added);
        added.Go();
    }

    private void Remove(string id, string why)
    {
        if (!_tasks.Remove(id, out var task))
            return;
        world.Trace.Note($"{agent.NodeId} removes task {id}: {why}");
        _unreported.Remove(id);
        task.Interrupt(containersToo: true);
        world.Removals.Removed(agent.NodeId, id, why);
    }
}
