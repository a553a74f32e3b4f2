using System.Buffers.Binary;

namespace Skep.Raft;

/// <summary>
/// Reads a leader has been asked about. A read's index is what was committed when it came, but only holds if we still lead:
/// a majority must answer a heartbeat sent after it. Reads are numbered as they come, a heartbeat carries the number of the
/// newest, and an answer confirms all up to it; so one round of heartbeats serves any number of reads.
/// </summary>
internal sealed class ReadOnlyRequests(int limit)
{
    private readonly List<(ulong From, ReadOnlyMemory<byte> Context)> _parked = [];
    private readonly Queue<(ulong From, ReadState Read)> _unconfirmed = new();
    private readonly Dictionary<ulong, ulong> _acked = [];
    private ulong _confirmed;

    public bool Full => _parked.Count + _unconfirmed.Count >= limit;

    private ulong Newest => _confirmed + (ulong)_unconfirmed.Count;

    /// <summary>What heartbeats carry while reads wait; otherwise nothing.</summary>
    public ReadOnlyMemory<byte> Mark
    {
        get
        {
            if (_unconfirmed.Count == 0)
                return default;
            var mark = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(mark, Newest);
            return mark;
        }
    }

    /// <summary>
    /// Keeps a read until the leader has committed an entry of its own term: before that it may not know of entries that an
    /// earlier leader committed (Raft thesis, 6.4).
    /// </summary>
    public void Park(ulong from, ReadOnlyMemory<byte> context) => _parked.Add((from, context));

    public void Add(ulong from, ReadOnlyMemory<byte> context, ulong index) =>
        _unconfirmed.Enqueue((from, new ReadState(index, context)));

    /// <summary>The first own entry is committed. True if reads were parked.</summary>
    public bool Unpark(ulong index)
    {
        if (_parked.Count == 0)
            return false;
        foreach (var (from, context) in _parked)
            Add(from, context, index);
        _parked.Clear();
        return true;
    }

    public void Acknowledge(ulong from, ReadOnlyMemory<byte> mark)
    {
        if (mark.Length != sizeof(ulong))
            return;
        var number = Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(mark.Span), Newest);
        _acked[from] = Math.Max(_acked.GetValueOrDefault(from), number);
    }

    /// <summary>Takes out the reads that a majority confirms by now, the leader itself included.</summary>
    public IEnumerable<(ulong From, ReadState Read)> TakeConfirmed(Membership membership, ulong self)
    {
        var reached = Quorum.Reached(membership.Voters, id => id == self ? Newest : _acked.GetValueOrDefault(id));
        var taken = new List<(ulong, ReadState)>();
        for (; _confirmed < reached; _confirmed++)
            taken.Add(_unconfirmed.Dequeue());
        return taken;
    }
}
