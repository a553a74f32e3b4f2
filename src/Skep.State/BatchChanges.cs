namespace Skep.State;

/// <summary>
/// What a batch did to the state in which it was made. Another copy of that state takes the changed objects over instead of making them once more from
/// the batch: half the work, and half the memory, of the leader, which has two states.
/// </summary>
/// <param name="Version">The state's after the batch.</param>
/// <param name="Time">The batch's.</param>
/// <param name="Changes">In order.</param>
public sealed record BatchChanges(ulong Version, DateTimeOffset Time, IReadOnlyList<Change> Changes);
