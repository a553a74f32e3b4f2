namespace Skep.Agent;

/// <summary>Is told what agents see and do: for figures. One may watch many agents; calls come from any thread and must be quick.</summary>
public interface IAgentObserver
{
    /// <summary>A manager has registered the node.</summary>
    void SessionOpened(string manager);

    /// <summary>A session, or an attempt at one, came to its end.</summary>
    /// <param name="manager">host:port; empty when there was none to turn to.</param>
    /// <param name="wasOpen">It had been opened.</param>
    /// <param name="reason">In one line.</param>
    void SessionEnded(string manager, bool wasOpen, string reason);

    /// <summary>A heartbeat was answered, or its session was given up for want of an answer.</summary>
    /// <param name="roundTrip">From the call until then.</param>
    /// <param name="late">There was no answer in time, or more than the grace lay between the last one and this.</param>
    void HeartbeatEnded(TimeSpan roundTrip, bool late);

    /// <summary>One call with this many task statuses was answered.</summary>
    void StatusesSent(int count);

    /// <param name="from">Null: the task is new to the node.</param>
    void TaskMoved(Wire.TaskState? from, Wire.TaskState to);

    /// <param name="state">The last.</param>
    /// <param name="wasWanted">Nobody had asked the node to shut it down first.</param>
    void TaskRemoved(Wire.TaskState state, bool wasWanted);

    /// <summary>A task is gone with its node's power.</summary>
    /// <param name="state">The last.</param>
    void TaskLost(Wire.TaskState state);
}
