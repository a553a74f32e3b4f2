namespace Skep.Log;

/// <summary>
/// Proposals that rest on each other: whoever makes them does not wait for the outcome of one before it makes the next. After one that was refused, and in
/// another term than the first's, all others are refused: a log that holds the second without the first cannot be applied.
/// </summary>
/// <remarks>
/// A refusal need not be the end of a leadership: while it is being passed on, or too much waits, the next proposal may be taken again. (Found by the
/// simulation: a task was changed by one entry whose creation, one entry before, had been refused.)
/// </remarks>
public sealed class ProposalSequence
{
    // On the replica's thread only.
    private ulong _term;
    private bool _broken;

    internal bool MayGoOn(ulong term) => !_broken && (_term == 0 || _term == term);

    internal void Proposed(bool accepted, ulong term)
    {
        _broken |= !accepted;
        if (accepted)
            _term = term;
    }
}
