using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// What one member has on disk: the write-ahead log and the snapshots, as the core sees them. All on one thread, except
/// <see cref="WriteSnapshot"/>, which touches only snapshot files.
/// </summary>
internal sealed class LogStore : ILogView, IDisposable
{
    private readonly WriteAheadLog _log;
    private readonly EntryTable _table;
    private readonly SnapshotStore _snapshots;
    private readonly CipherRing _ciphers;
    private readonly ILogger _logger;
    private LogOptions _options;
    private HardState _written; // as in the last frame
    private HardState _hardState;
    private volatile SnapshotMetadata _snapshot;

    internal LogStore(WriteAheadLog log, EntryTable table, SnapshotStore snapshots, CipherRing ciphers, LogOptions options, HardState hardState, SnapshotMetadata snapshot, ILogger logger)
    {
        _log = log;
        _table = table;
        _snapshots = snapshots;
        _ciphers = ciphers;
        _options = options;
        _written = hardState;
        _hardState = hardState;
        _snapshot = snapshot;
        _logger = logger;
    }

    public ulong FirstIndex => _table.FirstIndex;

    public ulong LastIndex => _table.LastIndex;

    public SnapshotMetadata Snapshot => _snapshot;

    public HardState HardState => _hardState;

    /// <summary>Something on disk may still be sealed with another cipher than the one that writes.</summary>
    public bool IsResealing => _ciphers.HasOlder;

    /// <summary>Called with the cipher that everything is sealed with, once <see cref="IsResealing"/> has ended.</summary>
    public Action<IRecordCipher>? Resealed { get; set; }

    public long WalBytes => _log.TotalBytes;

    public int SegmentCount => _log.SegmentCount;

    /// <summary>Bytes of entry data held in memory.</summary>
    public long EntryDataBytes => _table.DataBytes;

    /// <summary>Limits that may be changed while running: snapshots and entries kept.</summary>
    public LogOptions Options
    {
        get => _options;
        set => _options = value;
    }

    public (HardState HardState, SnapshotMetadata Snapshot) InitialState() => (_hardState, _snapshot);

    public ulong Term(ulong index) => _table.Term(index);

    public IReadOnlyList<Entry> Entries(ulong lo, ulong hi, ulong maxBytes) => _table.Read(lo, hi, maxBytes);

    /// <summary>
    /// Makes durable what a Ready asks for, with one sync, or none if only the commit index moved: that is written with the next
    /// entries, since it is learnt again anyway and each frame on disk must prove that the one before it was synced.
    /// </summary>
    public void Persist(Ready ready)
    {
        if (ready.HardState is { } hardState)
            _hardState = hardState;
        if (!ready.MustSync && ready.Entries.Count == 0 && ready.Snapshot is null)
            return;
        LogBase? start = null;
        if (ready.Snapshot is { } snapshot)
        {
            // Its file is here already: received before the message was stepped.
            start = new LogBase(snapshot.Index, snapshot.Term);
            _snapshot = snapshot;
        }
        Append(start, ready.Entries);
        if (start is not null)
            Compact();
    }

    /// <summary>Says what is applied, so that the memory of older entries can be used otherwise.</summary>
    public void Applied(ulong index) => _table.Release(index);

    /// <summary>Writes a snapshot of our own state durably. May run on another thread, one at a time. It counts only after <see cref="SnapshotWritten"/>.</summary>
    public long WriteSnapshot(SnapshotMetadata metadata, Action<Stream> writeContent, CancellationToken cancellation)
    {
        var length = _snapshots.Write(metadata, received: false, writeContent, cancellation);
        if (IsResealing)
            _snapshots.Reseal(1 + _options.KeepOldSnapshots, cancellation);
        return length;
    }

    /// <summary>Stores a snapshot that another manager sends. Not at the same time as <see cref="WriteSnapshot"/>.</summary>
    public long ReceiveSnapshot(SnapshotMetadata metadata, Action<Stream> writeContent, CancellationToken cancellation) =>
        _snapshots.Write(metadata, received: true, writeContent, cancellation);

    /// <summary>A received snapshot that the core had no use for is deleted, unless it is the one in use.</summary>
    public void DiscardReceived(SnapshotMetadata metadata)
    {
        if (metadata.Index != _snapshot.Index)
            _snapshots.Delete(new LogBase(metadata.Index, metadata.Term));
    }

    /// <summary>A snapshot is durable: what it makes superfluous is deleted.</summary>
    public void SnapshotWritten(SnapshotMetadata metadata)
    {
        if (metadata.Index < _snapshot.Index)
            return; // one that was installed meanwhile covers more
        _snapshot = metadata;
        Compact();
    }

    /// <summary>
    /// Seals what is written from now on with another cipher. What is on disk is sealed anew with the next snapshot; until <see cref="Resealed"/> a
    /// reopening needs the older ciphers too.
    /// </summary>
    public void ChangeCipher(IRecordCipher cipher)
    {
        _ciphers.Change(cipher);
        FinishResealing();
    }

    /// <summary>Ends the resealing if nothing on disk needs an older cipher.</summary>
    public void FinishResealing()
    {
        if (!IsResealing || !_log.IsSealedWith(_ciphers.Write) || !_snapshots.AllCurrent())
            return;

        // A deleted file that came back after a power failure would need a key that nobody has any more.
        _log.MakeDeletionsDurable();
        _snapshots.MakeDeletionsDurable();
        _ciphers.ForgetOlder();
        Resealed?.Invoke(_ciphers.Write);
    }

    /// <summary>Size on disk of the newest snapshot; 0 when there is none.</summary>
    public long SnapshotBytes() => _snapshot.Index == 0 ? 0 : _snapshots.Length(new LogBase(_snapshot.Index, _snapshot.Term));

    /// <summary>The content of a snapshot, usually the one that <see cref="Snapshot"/> names. May be called on any thread.</summary>
    public Stream OpenSnapshot(SnapshotMetadata metadata) => _snapshots.Open(new LogBase(metadata.Index, metadata.Term));

    /// <summary>The log has fallen idle.</summary>
    public void Idle() => _log.MakeMarkDurable();

    /// <summary>Writes what may be written late.</summary>
    public void Close()
    {
        if (_hardState != _written)
            Append(null, []);
        _log.MakeMarkDurable();
    }

    public void Dispose() => _log.Dispose();

    private void Append(LogBase? start, IReadOnlyList<Entry> entries)
    {
        var previousTerm = 0UL;
        if (entries.Count > 0)
        {
            var before = entries[0].Index - 1;
            previousTerm = start is { } s && s.Index == before ? s.Term : _table.Term(before);
        }
        var batch = new LogBatch(_hardState, start, entries, previousTerm);
        var location = _log.Append(batch);
        _written = _hardState;
        _table.Add(batch, location);
    }

    private void Compact()
    {
        _snapshots.Prune(_options.KeepOldSnapshots);

        // At least one entry stays, so that the log tells by itself how far it reached.
        var keepFrom = _snapshot.Index - Math.Min(_snapshot.Index, Math.Max(1, _options.LogEntriesForSlowFollowers));
        if (_snapshots.List() is [.., var oldest])
            keepFrom = Math.Min(keepFrom, oldest.Index);
        keepFrom = Math.Max(keepFrom, _table.Base.Index);
        _table.DropThrough(keepFrom);
        if (IsResealing && !_log.IsSealedWith(_ciphers.Write))
            WriteAnew();
        _log.DeleteBefore(_table.FirstSegment ?? ulong.MaxValue);
        FinishResealing();
        _logger.LogDebug("log: snapshot of index {Index}, entries kept from {First} on, {Bytes} bytes", _snapshot.Index, _table.FirstIndex, _log.TotalBytes);
    }

    /// <summary>
    /// Begins the log anew with all that is kept of it, in one frame: before it is durable the old segments count, afterwards none of them. When
    /// that is too much, entries for slow followers are not kept; if it is still too much, it waits for the next snapshot.
    /// </summary>
    private void WriteAnew()
    {
        ulong[] beginnings = [_table.Base.Index, Math.Max(_table.Base.Index, _snapshots.List()[^1].Index)];
        foreach (var begin in beginnings)
        {
            var entries = _table.Read(begin + 1, _table.LastIndex + 1, _options.MaxResealedBytes);
            if ((ulong)entries.Count < _table.LastIndex - begin)
                continue;
            Append(new LogBase(begin, _table.Term(begin)), entries);
            return;
        }
    }
}
