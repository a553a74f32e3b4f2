using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>Makes what a member has on disk, or opens it and sees that log and snapshots fit together.</summary>
internal sealed class LogStoreOpener
{
    public const string LogDirectory = "wal";
    public const string SnapshotDirectory = "snapshots";

    private readonly WriteAheadLogOpener _log;
    private readonly SnapshotStore _snapshots;
    private readonly CipherRing _ciphers;
    private readonly LogOptions _options;
    private readonly string _directory;
    private readonly Func<ulong> _random;
    private readonly ILogger _logger;

    /// <param name="random">Ids that no other file has; a seeded source in tests.</param>
    public LogStoreOpener(IFileSystem files, string directory, ulong nodeId, CipherRing ciphers, LogOptions options, Func<ulong> random, ILogger logger)
    {
        _directory = directory;
        _ciphers = ciphers;
        _options = options;
        _random = random;
        _logger = logger;
        _log = new WriteAheadLogOpener(files, Path.Combine(directory, LogDirectory), nodeId, ciphers, options.SegmentBytes, logger);
        _snapshots = new SnapshotStore(files, Path.Combine(directory, SnapshotDirectory), ciphers, random, logger);
        files.CreateDirectory(directory);
    }

    /// <summary>Does what <see cref="ReplicaOptions.Start"/> says.</summary>
    public static LogStore Start(ReplicaOptions options, IStateMachine machine, ILogger logger)
    {
        var ciphers = new CipherRing(options.Cipher, options.OlderCiphers);
        var opener = new LogStoreOpener(options.Files, options.Directory, options.NodeId, ciphers, options.Log, options.NewFileId, logger);
        return options.Start switch
        {
            ReplicaStart.NewGroup => opener.Bootstrap(options.NodeId, content =>
            {
                using var empty = machine.CaptureSnapshot();
                empty.WriteTo(content);
            }),
            ReplicaStart.Join => opener.Join(),
            _ => opener.Open(),
        };
    }

    /// <summary>
    /// Begins a new group of one voter. Writes the log first and the snapshot of the empty state last: without the snapshot the group
    /// was never finished, and is begun again.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a group.</exception>
    public LogStore Bootstrap(ulong nodeId, Action<Stream> writeContent)
    {
        RefuseIfThere();
        var metadata = SnapshotMetadata.Bootstrap(nodeId);
        var hardState = new HardState(metadata.Term, NodeId.None, metadata.Index);
        var store = Create(new LogBase(metadata.Index, metadata.Term), hardState, metadata);
        try
        {
            _snapshots.Write(metadata, received: false, writeContent, CancellationToken.None);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Begins a member that knows nothing: it waits to be told by the group's leader.</summary>
    /// <exception cref="InvalidOperationException">There is a group.</exception>
    public LogStore Join()
    {
        RefuseIfThere();
        return Create(null, default, SnapshotMetadata.None);
    }

    /// <exception cref="LogCorruptException">Something acknowledged is damaged or missing.</exception>
    /// <exception cref="LogVersionException">A format or key that we do not have.</exception>
    /// <exception cref="InvalidOperationException">There is no group.</exception>
    public LogStore Open() => Read() ?? throw new InvalidOperationException($"{_directory}: there is no raft group here");

    private void RefuseIfThere()
    {
        using var there = Read();
        if (there is not null)
            throw new InvalidOperationException($"{_directory}: there is a raft group here already");
        if (_log.Exists())
            _log.Delete();
    }

    private LogStore Create(LogBase? start, HardState hardState, SnapshotMetadata snapshot)
    {
        _snapshots.Prepare();
        var log = _log.Create(_random());
        try
        {
            var table = NewTable(log);
            var batch = new LogBatch(hardState, start, [], 0);
            table.Add(batch, log.Append(batch));
            return new LogStore(log, table, _snapshots, _ciphers, _options, hardState, snapshot, _logger);
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    // Null if no group was ever finished here.
    private LogStore? Read()
    {
        if (_log.Exists() || _snapshots.List().Count > 0)
            _snapshots.Prepare();
        WriteAheadLog? log = null;
        var table = new EntryTable(_options.MaxEntryDataBytes, location => log!.Read(location));
        HardState? hardState = null;
        var frames = 0;
        log = _log.Open((location, batch) =>
        {
            try
            {
                table.Add(batch, location);
            }
            catch (FormatException e)
            {
                throw new LogCorruptException(Path.Combine(_directory, LogDirectory, Segment.NameOf(location.Sequence)), location.Offset, e.Message);
            }
            hardState = batch.HardState;
            frames++;
        });
        try
        {
            if (log is null || hardState is null)
            {
                log?.Dispose();
                return _snapshots.List() is [var left, ..]
                    ? throw new LogCorruptException(_snapshots.PathOf(left), 0, "there is a snapshot, but no log beside it")
                    : null;
            }
            return Fit(log, table, hardState.Value, frames);
        }
        catch
        {
            log?.Dispose();
            throw;
        }
    }

    private LogStore? Fit(WriteAheadLog log, EntryTable table, HardState hardState, int frames)
    {
        var walPath = Path.Combine(_directory, LogDirectory);
        if (ChooseSnapshot(table) is not { } chosen)
        {
            if (table.Base.Index == 0)
                return Finish(log, table, hardState, SnapshotMetadata.None, restart: false); // joined, and not yet told anything that needed a snapshot
            if (frames == 1 && table.LastIndex == SnapshotMetadata.Bootstrap().Index)
            {
                _logger.LogWarning("log: {Directory} holds a group that was never finished; it is begun again", _directory);
                log.Dispose();
                return null;
            }
            throw new LogCorruptException(walPath, 0, $"the log begins after entry {table.Base.Index}, and there is no snapshot");
        }

        var snapshot = chosen.Metadata;
        var agrees = snapshot.Index >= table.Base.Index && snapshot.Index <= table.LastIndex && table.Term(snapshot.Index) == snapshot.Term;
        if (table.Base.Index > snapshot.Index)
            throw new LogCorruptException(walPath, 0, $"the log begins after entry {table.Base.Index}, but the newest sound snapshot ends at {snapshot.Index}");
        if (!agrees && !chosen.Received)
            throw new LogCorruptException(walPath, 0, $"the log ends at entry {table.LastIndex}, or disagrees with the snapshot of {snapshot.Index} made from it");
        return Finish(log, table, hardState, snapshot, restart: !agrees);
    }

    private LogStore Finish(WriteAheadLog log, EntryTable table, HardState hardState, SnapshotMetadata snapshot, bool restart)
    {
        if (restart)
        {
            // Stopped between receiving a snapshot and noting it in the log. It holds committed entries only, so it may be installed now.
            if (hardState.Term < snapshot.Term)
                hardState = new HardState(snapshot.Term, NodeId.None, hardState.Commit);
            hardState = hardState with { Commit = snapshot.Index };
            var batch = new LogBatch(hardState, new LogBase(snapshot.Index, snapshot.Term), [], 0);
            table.Add(batch, log.Append(batch));
        }
        if (hardState.Commit > table.LastIndex)
            throw new LogCorruptException(Path.Combine(_directory, LogDirectory), 0, $"the log ends at entry {table.LastIndex}, but {hardState.Commit} is committed");
        if (hardState.Commit < snapshot.Index)
            hardState = hardState with { Commit = snapshot.Index };
        table.Release(snapshot.Index);
        _log.DeleteIgnored();
        return new LogStore(log, table, _snapshots, _ciphers, _options, hardState, snapshot, _logger);
    }

    // The newest sound snapshot. One that is damaged is passed over only if an older one and the log cover all that it held.
    private SnapshotHeader? ChooseSnapshot(EntryTable table)
    {
        LogCorruptException? damage = null;
        var damaged = default(LogBase);
        foreach (var candidate in _snapshots.List())
        {
            try
            {
                var header = _snapshots.Verify(candidate);
                if (damage is null)
                    return header;
                if (table.Base.Index <= candidate.Index && damaged.Index <= table.LastIndex)
                {
                    _logger.LogWarning(
                        "log: {Damage}; going on from the snapshot of entry {Older} and the log, which hold the same", damage.Message, candidate.Index);
                    _snapshots.Delete(damaged);
                    return header;
                }
                break;
            }
            catch (LogCorruptException e)
            {
                damage ??= e;
                damaged = damaged == default ? candidate : damaged;
            }
        }
        return damage is null ? null : throw damage;
    }

    private EntryTable NewTable(WriteAheadLog log) => new(_options.MaxEntryDataBytes, log.Read);
}
