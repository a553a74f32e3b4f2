using Skep.State;

namespace Skep.Manager;

/// <summary>
/// A rule keeps one promise of the cluster (each service has its tasks, each task has a node, …). It watches changes, notes
/// what became wrong, and puts it right when it is its turn. It knows no clock and does no I/O; its notes can be rebuilt from
/// the state at any time, because a new leader starts with the state alone.
/// </summary>
public interface IRule
{
    /// <summary>Forgets all notes and makes them anew from the state: this manager became the leader.</summary>
    void Rebuild(ClusterState state, DateTimeOffset now);

    /// <summary>Something changed in the working state. Only notes what must be looked at: O(1).</summary>
    void Note(Change change);

    /// <summary>Does what is noted and due, as far as the turn's budget goes.</summary>
    void Run(Turn turn);

    /// <summary>There is work that could be done now (the budget ended, or another rule's changes were noted).</summary>
    bool HasWork { get; }

    /// <summary>When something becomes due by the clock alone; null when nothing will.</summary>
    DateTimeOffset? NextDue { get; }
}
