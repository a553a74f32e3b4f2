namespace Skep.Agent;

/// <summary>
/// The tasks of one node: takes assignments, has the executor do what they need, and queues every state for the report. It knows no session: tasks
/// run on, whatever becomes of the managers.
/// </summary>
/// <param name="executor">Runs the tasks.</param>
/// <param name="reports">Where states go.</param>
/// <param name="observer">For figures.</param>
/// <param name="time">The clock.</param>
public sealed class Worker(IExecutor executor, ReportQueue reports, IAgentObserver observer, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, AgentTask> _tasks = [];

    /// <summary>Takes a message of assignments. One that is complete removes every task which is not in it.</summary>
    public void Apply(TaskAssignments message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var isComplete = message.Type == Wire.AssignmentsMessage.Types.Type.Complete;
        lock (_lock)
        {
            var named = isComplete ? new HashSet<string>() : null;
            foreach (var change in message.Changes)
            {
                // Secrets, configs and volumes are the executor's, and no executor has a use for them yet.
                if (change.Item?.Task is not { } task)
                    continue;
                if (change.Action == Wire.AssignmentChange.Types.AssignmentAction.Update)
                {
                    Assign(task);
                    named?.Add(task.Id);
                }
                else if (!isComplete)
                {
                    Remove(task.Id);
                }
            }
            if (named is not null)
            {
                foreach (var id in _tasks.Keys.Where(id => !named.Contains(id)).ToList())
                    Remove(id);
            }
        }
    }

    /// <summary>The containers are gone, and what was known of them: the node has lost its power.</summary>
    public void Lose()
    {
        lock (_lock)
        {
            foreach (var task in _tasks.Values)
            {
                GiveUp(task);
                executor.Remove(task.Id);
                observer.TaskLost(task.State);
            }
            _tasks.Clear();
            reports.Clear();
        }
    }

    /// <summary>Queues the states of all tasks: a new session knows none of them.</summary>
    public void ReportAll()
    {
        lock (_lock)
        {
            foreach (var task in _tasks.Values)
                reports.Put(task.Report());
        }
    }

    internal void Complete(AgentTask task, int attempt, Outcome outcome)
    {
        lock (_lock)
        {
            if (task.Attempt != attempt || task.Operation is not { } operation)
                return;
            Finish(task, operation, outcome);
            Advance(task);
        }
    }

    private void Assign(AssignedTask assigned)
    {
        if (!_tasks.TryGetValue(assigned.Id, out var task))
        {
            var state = assigned.Status?.State ?? Wire.TaskState.New;
            task = new AgentTask(assigned.Id, state, assigned.DesiredState);
            _tasks.Add(task.Id, task);
            observer.TaskMoved(null, state);
            if (state < Wire.TaskState.Accepted)
                Move(task, Wire.TaskState.Accepted);
        }
        else if (assigned.DesiredState <= task.Desired)
        {
            // What is desired never goes back, and the rest of a task does not change.
            return;
        }
        task.Desired = assigned.DesiredState;
        if (task.Desired >= Wire.TaskState.Shutdown && task.Operation is not TaskOperation.Shutdown)
            GiveUp(task);
        Advance(task);
    }

    private void Remove(string taskId)
    {
        if (!_tasks.Remove(taskId, out var task))
            return;
        GiveUp(task);
        executor.Remove(taskId);
        observer.TaskRemoved(task.State, wasWanted: task.State <= Wire.TaskState.Running && task.Desired <= Wire.TaskState.Complete);
    }

    private void Advance(AgentTask task)
    {
        while (task.Operation is null)
        {
            var step = TaskLifecycle.Next(task.State, task.Desired);
            if (step.State is { } state)
                Move(task, state);
            else if (step.Operation is not { } operation || Begin(task, operation) is not { } outcome)
                return;
            else
                Finish(task, operation, outcome);
        }
    }

    private Outcome? Begin(AgentTask task, TaskOperation operation)
    {
        task.Operation = operation;
        task.Attempt++;
        return executor.Begin(new Operation(this, task, operation));
    }

    private void Finish(AgentTask task, TaskOperation operation, Outcome outcome)
    {
        task.Operation = null;
        task.Error = outcome.Error ?? "";
        Move(task, outcome.Error is null ? TaskLifecycle.After(operation) : TaskLifecycle.AfterFailure(task.State));
    }

    private void Move(AgentTask task, Wire.TaskState state)
    {
        observer.TaskMoved(task.State, state);
        task.State = state;
        task.Since = time.GetUtcNow();
        reports.Put(task.Report());
    }

    private static void GiveUp(AgentTask task)
    {
        task.Operation = null;
        task.Attempt++;
    }
}
