using TaskState = Skep.Wire.TaskState;

namespace Skep.Simulation.Agents;

/// <summary>One task on an engine: goes step by step from ASSIGNED to RUNNING, as far as it should, and may fail on the way.</summary>
internal sealed class AgentTask
{
    private readonly World _world;
    private readonly SimulatedAgent _agent;
    private int _step; // a later one makes those that wait obsolete

    public AgentTask(World world, SimulatedAgent agent, Wire.Task task)
    {
        _world = world;
        _agent = agent;
        Id = task.Id;
        ServiceId = task.ServiceId;
        Slot = task.Slot;
        DesiredState = task.DesiredState;
        State = task.Status.State;
        Status = task.Status;
    }

    public string Id { get; }

    public string ServiceId { get; }

    public ulong Slot { get; }

    public TaskState DesiredState { get; private set; }

    public TaskState State { get; private set; }

    public Wire.TaskStatus Status { get; private set; }

    public bool IsRunning => State == TaskState.Running;

    private bool IsTerminal => State > TaskState.Running;

    public void SetDesiredState(TaskState state)
    {
        if (state <= DesiredState)
            return;
        DesiredState = state;
        Go();
    }

    /// <summary>The engine stops: nothing goes on until <see cref="Go"/>.</summary>
    public void Interrupt(bool containersToo)
    {
        _step++;
        if (containersToo && State is TaskState.Starting or TaskState.Running)
            Set(TaskState.Failed, "the container is gone");
    }

    /// <summary>Does the next step after some time, if there is one.</summary>
    public void Go()
    {
        var step = ++_step;
        if (Next() is not { } next)
            return;
        var longest = next == TaskState.Failed ? TimeSpan.FromSeconds(60) : TimeSpan.FromMilliseconds(500);
        _world.Loop.After(longest * _agent.Random.NextDouble(), () =>
        {
            if (step != _step || !_agent.IsUp)
                return;
            Set(next, "");
            _agent.Tasks.Report(this);
            Go();
        });
    }

    private TaskState? Next()
    {
        if (IsTerminal)
            return null;
        if (DesiredState > TaskState.Running)
            return TaskState.Shutdown;
        var fails = _world.TaskFailures > 0 && _agent.Random.NextDouble() < _world.TaskFailures;
        switch (State)
        {
            case < TaskState.Accepted: return TaskState.Accepted;
            case TaskState.Accepted: return TaskState.Preparing;
            case TaskState.Preparing: return fails ? TaskState.Rejected : TaskState.Ready;
            case TaskState.Ready: return DesiredState >= TaskState.Running ? TaskState.Starting : null;
            case TaskState.Starting: return fails ? TaskState.Failed : TaskState.Running;
            default: return fails ? TaskState.Failed : null;
        }
    }

    private void Set(TaskState state, string message)
    {
        State = state;
        Status = new Wire.TaskStatus
        {
            State = state,
            Message = message,
            Timestamp = Skep.State.SwarmTime.ToWire(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + _world.Loop.Now),
        };
    }
}
