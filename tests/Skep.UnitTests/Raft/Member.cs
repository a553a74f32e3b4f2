using System.Text;
using Skep.Raft;

namespace Skep.UnitTests.Raft;

/// <summary>
/// One member as a driver would run it: a core, its disk, its state machine (the list of texts applied). What survives a
/// crash is <see cref="Disk"/> and the saved snapshots; the rest is made anew by <see cref="Start"/>.
/// </summary>
internal sealed class Member
{
    private readonly Func<RaftConfig> _config;
    private readonly Dictionary<ulong, string[]> _snapshots;
    private Ready? _ready;

    /// <param name="snapshots">The contents of all snapshots of the group by index: stands for the transport that streams them.</param>
    public Member(Func<RaftConfig> config, MemoryLog disk, Dictionary<ulong, string[]> snapshots)
    {
        (_config, Disk, _snapshots) = (config, disk, snapshots);
        Node = null!;
        Start();
    }

    public ulong Id => _config().Id;

    public MemoryLog Disk { get; }

    public RawNode Node { get; private set; }

    public bool IsUp { get; private set; }

    /// <summary>The state: every non-empty text applied, in order.</summary>
    public List<string> Applied { get; } = [];

    /// <summary>All entries handed out since the start, to see what came when.</summary>
    public List<Entry> HandedOut { get; } = [];

    public List<ReadState> Reads { get; } = [];

    public Status Status => Node.Status;

    public Role Role => Node.SoftState.Role;

    public ulong Term => Node.HardState.Term;

    public ulong Commit => Node.HardState.Commit;

    public ulong LeaderId => Node.SoftState.LeaderId;

    public PeerStatus Peer(ulong id) => Status.Peers.Single(peer => peer.Id == id);

    /// <summary>The terms of all entries on the disk after the snapshot, such as "1 1 2".</summary>
    public string DiskTerms => string.Join(' ', Disk.Entries(Disk.FirstIndex, Disk.LastIndex + 1, ulong.MaxValue).Select(e => e.Term));

    public Proposal Propose(string text) => Node.Propose(Encoding.UTF8.GetBytes(text));

    public void Tick(int times = 1)
    {
        for (var i = 0; i < times; i++)
            Node.Tick();
    }

    /// <summary>Does everything one Ready asks for; returns the messages to send.</summary>
    public IReadOnlyList<Message> HandleReady()
    {
        Begin();
        return Finish();
    }

    /// <summary>Does Readys until there are none.</summary>
    public IReadOnlyList<Message> HandleAll()
    {
        var messages = new List<Message>();
        while (Node.HasReady)
            messages.AddRange(HandleReady());
        return messages;
    }

    /// <summary>Takes a Ready, without doing anything yet.</summary>
    public Ready Begin() => _ready = Node.GetReady();

    public bool IsBusy => _ready is not null;

    /// <summary>Persists, applies and advances what <see cref="Begin"/> took.</summary>
    public IReadOnlyList<Message> Finish(bool loseUnsynced = false)
    {
        var ready = _ready!;
        Persist(ready, loseUnsynced);
        if (ready.Snapshot is { } snapshot)
        {
            Applied.Clear();
            Applied.AddRange(_snapshots[snapshot.Index]);
        }
        foreach (var entry in ready.CommittedEntries)
            Apply(entry);
        Reads.AddRange(ready.ReadStates);
        Node.Advance(ready);
        _ready = null;
        return ready.Messages;
    }

    /// <summary>Persists what <see cref="Begin"/> took, as if the power went right after.</summary>
    public void PersistOnly() => Persist(_ready!, loseUnsynced: false);

    /// <summary>Saves the state as of the last applied entry.</summary>
    public void TakeSnapshot()
    {
        _snapshots[Status.Applied] = [.. Applied];
        Disk.CreateSnapshot(Status.Applied, Node.Membership);
    }

    public void Crash() => (IsUp, _ready) = (false, null);

    public void Start()
    {
        Applied.Clear();
        Applied.AddRange(_snapshots.GetValueOrDefault(Disk.Snapshot.Index) ?? []);
        HandedOut.Clear();
        Reads.Clear();
        Node = new RawNode(_config(), Disk);
        IsUp = true;
    }

    // A hard state that need not be synced may be lost in a crash; to lose it at once shows the same.
    private void Persist(Ready ready, bool loseUnsynced) => Disk.Persist(ready.MustSync || !loseUnsynced
        ? ready
        : new Ready { Entries = ready.Entries, Snapshot = ready.Snapshot });

    private void Apply(Entry entry)
    {
        HandedOut.Add(entry);
        if (entry.Kind == EntryKind.ConfChange)
            Node.ApplyConfChange(ConfChange.Decode(entry.Data));
        else if (entry.Data.Length > 0)
            Applied.Add(Encoding.UTF8.GetString(entry.Data.Span));
    }
}
