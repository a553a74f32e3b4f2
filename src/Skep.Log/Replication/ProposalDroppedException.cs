namespace Skep.Log;

/// <summary>A proposal was not committed, as far as is known.</summary>
public sealed class ProposalDroppedException(string message, bool outcomeUnknown = false) : Exception(message)
{
    /// <summary>
    /// True when the leadership was lost, or the replica stopped, before the outcome was known: the proposal may still be committed, by the next leader.
    /// False: it is certain that it will not be.
    /// </summary>
    public bool OutcomeUnknown { get; } = outcomeUnknown;
}
