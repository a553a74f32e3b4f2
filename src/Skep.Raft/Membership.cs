namespace Skep.Raft;

/// <summary>
/// Who belongs to the group. Voters elect and commit; learners receive the log and have no vote. Immutable, both lists sorted,
/// no id in both.
/// </summary>
public sealed class Membership : IEquatable<Membership>
{
    /// <summary>Nobody: a member that starts with it waits for a snapshot or entries that name it, and never campaigns.</summary>
    public static readonly Membership Empty = new([], []);

    private readonly ulong[] _voters;
    private readonly ulong[] _learners;

    /// <exception cref="ArgumentException">An id is zero or given both as voter and learner.</exception>
    public Membership(IEnumerable<ulong> voters, IEnumerable<ulong>? learners = null)
    {
        _voters = [.. voters.Distinct().Order()];
        _learners = [.. (learners ?? []).Distinct().Order()];
        if (_voters.Contains(NodeId.None) || _learners.Contains(NodeId.None))
            throw new ArgumentException("a member id cannot be 0");
        if (_voters.Intersect(_learners).Any())
            throw new ArgumentException("a member cannot be voter and learner at once");
    }

    public IReadOnlyList<ulong> Voters => _voters;

    public IReadOnlyList<ulong> Learners => _learners;

    public bool IsVoter(ulong id) => Array.BinarySearch(_voters, id) >= 0;

    public bool IsLearner(ulong id) => Array.BinarySearch(_learners, id) >= 0;

    public bool Contains(ulong id) => IsVoter(id) || IsLearner(id);

    /// <summary>
    /// The membership after one change. Changes that say what is so already change nothing, since committed entries are
    /// applied again after a restart. The last voter cannot be removed: that too changes nothing, on every member alike.
    /// </summary>
    public Membership With(ConfChange change)
    {
        var voters = _voters.Where(id => id != change.NodeId);
        var learners = _learners.Where(id => id != change.NodeId);
        var next = change.Kind switch
        {
            ConfChangeKind.AddVoter => new Membership(voters.Append(change.NodeId), learners),
            ConfChangeKind.AddLearner => new Membership(voters, learners.Append(change.NodeId)),
            _ => new Membership(voters, learners),
        };
        return _voters.Length > 0 && next._voters.Length == 0 ? this : next;
    }

    public bool Equals(Membership? other) =>
        other is not null && _voters.AsSpan().SequenceEqual(other._voters) && _learners.AsSpan().SequenceEqual(other._learners);

    public override bool Equals(object? obj) => Equals(obj as Membership);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var id in _voters)
            hash.Add(id);
        hash.Add(_voters.Length);
        foreach (var id in _learners)
            hash.Add(id);
        return hash.ToHashCode();
    }

    public override string ToString() => $"voters [{string.Join(' ', _voters)}] learners [{string.Join(' ', _learners)}]";
}
