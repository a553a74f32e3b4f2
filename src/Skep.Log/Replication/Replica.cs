using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// One member of the group at work: proposals go in, committed entries come out at the state machine, on one thread that does nothing else.
/// Whatever waits while the disk syncs shares the next sync. After a failure to write or sync nothing is acknowledged any more:
/// <see cref="Stopped"/> faults and everything later is refused.
/// </summary>
public sealed class Replica : IReplica, IAsyncDisposable
{
    /// <summary>In its directory: held while a process uses it.</summary>
    internal const string LockName = "lock";

    private readonly ReplicaOptions _options;
    private readonly ILogger _logger;
    private readonly LogStore _store;
    private readonly IDisposable _lock;
    private readonly ReplicaLoop _loop;
    private readonly Channel<Action> _work;
    private readonly ITimer _ticks;
    private readonly ITimer _idle;
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _snapshotFiles = new(1, 1); // one writer of snapshot files at a time
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _background = Task.CompletedTask;
    private long _batchBytes; // on the replica's thread: proposed since the last write
    private long _appendsAtIdleTimer;
    private bool _idleTimerRuns;
    private bool _ticking;
    private int _tickQueued;
    private int _disposed;

    private Replica(ReplicaOptions options, IStateMachine machine, TimeProvider time, ITransport? transport, LogStore store, IDisposable directoryLock, ILogger logger)
    {
        _options = options;
        _logger = logger;
        _store = store;
        _lock = directoryLock;
        _work = Channel.CreateBounded<Action>(new BoundedChannelOptions(options.MaxQueued) { SingleReader = true });
        _loop = new ReplicaLoop(options, machine, transport, store, WriteSnapshotInBackground, logger);
        _ticks = time.CreateTimer(_ => QueueTick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _idle = time.CreateTimer(_ => QueueIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Leads, and has applied all that earlier leaders committed.</summary>
    public bool IsLeader => _loop.IsLeader;

    public ulong Term => _loop.Term;

    /// <summary>The leader as far as known, or 0.</summary>
    public ulong LeaderId => _loop.LeaderId;

    public ulong LastApplied => _loop.LastApplied;

    /// <summary>As of <see cref="LastApplied"/>.</summary>
    public Membership Membership => _loop.Membership;

    /// <summary>Whether a read needs no barrier, since what is applied here is all that was ever acknowledged.</summary>
    public bool LeadsAlone => _loop.LeadsAlone;

    /// <summary>Completes when the replica is closed; faults with the cause when it had to stop.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Whether a directory holds the log of a group.</summary>
    public static bool Exists(IFileSystem files, string directory) =>
        files.List(Path.Combine(directory, LogStoreOpener.LogDirectory)).Any(n => Segment.TryParseName(n, out _));

    /// <summary>
    /// Opens the log, restores the state machine and starts. A member that is alone in its group leads when this returns.
    /// </summary>
    /// <exception cref="LogCorruptException">Something acknowledged is damaged or missing.</exception>
    /// <exception cref="LogVersionException">Written by a newer version, with another key, or by another member.</exception>
    /// <exception cref="InvalidOperationException">There is no group, or, for a new one, there is one already.</exception>
    /// <exception cref="IOException">The disk fails, or another process has the directory.</exception>
    public static async Task<Replica> OpenAsync(ReplicaOptions options, IStateMachine machine, TimeProvider time, ITransport? transport, ILogger logger)
    {
        var replica = await Task.Run(() => Open(options, machine, time, transport, logger)).ConfigureAwait(false);
        new Thread(replica.Run) { IsBackground = true, Name = "skep-log" }.Start();
        await replica._started.Task.ConfigureAwait(false);
        return replica;
    }

    /// <summary>
    /// Replicates an entry. Completes with its index when it is committed and applied here. Several may be under way; they are applied in
    /// the order of the calls, if these come from one thread. The data must not be changed afterwards.
    /// </summary>
    /// <param name="cancellation">Ends the waiting only: the entry may still be committed.</param>
    /// <exception cref="NotLeaderException">Nothing was proposed.</exception>
    /// <exception cref="ProposalDroppedException">Not committed as far as known.</exception>
    /// <exception cref="ReplicaStoppedException">Nothing was proposed.</exception>
    public Task<ulong> ProposeAsync(ReadOnlyMemory<byte> entry, CancellationToken cancellation = default) => ProposeAsync(entry, null, null, cancellation);

    /// <summary>The same for a proposal that rests on those made before it in its sequence.</summary>
    /// <param name="sequence">Its sequence; null: it rests on nothing.</param>
    /// <param name="note">Handed to <see cref="IStateMachine.ApplyOwn"/> with the entry, if that is applied here while this member leads; null: nothing.</param>
    public Task<ulong> ProposeAsync(ReadOnlyMemory<byte> entry, ProposalSequence? sequence, object? note, CancellationToken cancellation)
    {
        if (entry.IsEmpty)
            throw new ArgumentException("an entry cannot be empty", nameof(entry));
        if (entry.Length > _options.MaxProposalBytes)
            throw new ArgumentException($"an entry of {entry.Length} bytes is larger than {_options.MaxProposalBytes}", nameof(entry));
        return Queue<ulong>(completion =>
        {
            _batchBytes += entry.Length;
            _loop.Propose(entry, completion, sequence, note);
        }, cancellation);
    }

    /// <summary>Changes one member. Completes when the change is committed and in force; fails like a proposal.</summary>
    public Task<ulong> ChangeMembershipAsync(ConfChange change, CancellationToken cancellation = default) =>
        Queue<ulong>(completion => _loop.ProposeConfChange(change, completion), cancellation);

    /// <summary>
    /// Completes when everything that was committed anywhere when this was called is applied here. On followers too.
    /// </summary>
    /// <exception cref="NotLeaderException">No leader is known or none answered; try again.</exception>
    public Task ReadBarrierAsync(CancellationToken cancellation = default) => Queue<ulong>(_loop.ReadIndex, cancellation);

    /// <summary>Passes the leadership on; completes when that is under way, see <see cref="RawNode.TransferLeader"/>.</summary>
    public Task<TransferStatus> TransferLeaderAsync(ulong target, CancellationToken cancellation = default) =>
        Queue<TransferStatus>(completion => completion.TrySetResult(_loop.TransferLeader(target)), cancellation);

    /// <summary>The core at one moment, with what the leader knows of each member.</summary>
    public Task<Status> StatusAsync(CancellationToken cancellation = default) =>
        Queue<Status>(completion => completion.TrySetResult(_loop.Status), cancellation);

    /// <summary>Takes in a message of another member; false if it was dropped since too much waits. Snapshots: <see cref="ReceiveSnapshotAsync"/>.</summary>
    public bool Step(Message message) => _work.Writer.TryWrite(() => _loop.Step(message));

    /// <summary>Stores the content of a snapshot that another member sends, then takes in the message that came with it.</summary>
    /// <exception cref="IOException">The content could not be stored, or ended early.</exception>
    public async Task ReceiveSnapshotAsync(Message message, Stream content, CancellationToken cancellation = default)
    {
        var metadata = message.Snapshot ?? throw new ArgumentException("a snapshot message without its snapshot", nameof(message));
        await _snapshotFiles.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await OnOwnThreadAsync(() => _store.ReceiveSnapshot(metadata, content.CopyTo, cancellation)).ConfigureAwait(false);
            await Queue<bool>(
                completion =>
                {
                    _loop.StepSnapshot(message);
                    completion.TrySetResult(true);
                },
                cancellation).ConfigureAwait(false);
        }
        finally
        {
            _snapshotFiles.Release();
        }
    }

    /// <summary>The newest snapshot, to send to a member. It may be newer than the one the core named: send it with this metadata.</summary>
    /// <exception cref="IOException">There is none, or it is damaged.</exception>
    public (SnapshotMetadata Metadata, Stream Content) OpenSnapshot()
    {
        while (true)
        {
            var metadata = _store.Snapshot;
            try
            {
                return (metadata, _store.OpenSnapshot(metadata));
            }
            catch (FileNotFoundException) when (_store.Snapshot != metadata)
            {
                // Replaced by a newer one between the two lines.
            }
        }
    }

    /// <summary>A message to a member could not be sent.</summary>
    public void ReportUnreachable(ulong id) => _work.Writer.TryWrite(() => _loop.ReportUnreachable(id));

    /// <summary>A snapshot sent to a member arrived, or failed. Must be called for each.</summary>
    public async Task ReportSnapshotAsync(ulong id, bool succeeded) => await Queue<bool>(
        completion =>
        {
            _loop.ReportSnapshot(id, succeeded);
            completion.TrySetResult(true);
        },
        CancellationToken.None).ConfigureAwait(false);

    /// <summary>Changes when snapshots are taken and what is kept; the names are those of Docker's swarm spec.</summary>
    public Task ConfigureAsync(ulong snapshotInterval, int keepOldSnapshots, ulong logEntriesForSlowFollowers) => Queue<bool>(
        completion =>
        {
            _loop.Configure(snapshotInterval, keepOldSnapshots, logEntriesForSlowFollowers);
            completion.TrySetResult(true);
        },
        CancellationToken.None);

    /// <summary>
    /// Seals what is written from now on with another key, and then all that is on disk anew: see <see cref="ReplicaOptions.OlderCiphersUnused"/>. The
    /// new key must have been stored durably before, beside the old one. Completes when the new key is in use.
    /// </summary>
    public Task ChangeCipherAsync(IRecordCipher cipher, CancellationToken cancellation = default) => Queue<bool>(
        completion =>
        {
            _loop.ChangeCipher(cipher);
            completion.TrySetResult(true);
        },
        cancellation);

    /// <summary>Finishes what was proposed before, as far as it can be committed at once, and closes the log.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        _work.Writer.TryComplete();
        await _closing.CancelAsync().ConfigureAwait(false);
        await _stopped.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
        _snapshotFiles.Dispose();
    }

    private static Replica Open(ReplicaOptions options, IStateMachine machine, TimeProvider time, ITransport? transport, ILogger logger)
    {
        options.Files.CreateDirectory(options.Directory);
        var directoryLock = options.Files.Lock(Path.Combine(options.Directory, LockName));
        LogStore? store = null;
        try
        {
            store = LogStoreOpener.Start(options, machine, logger);
            return new Replica(options, machine, time, transport, store, directoryLock, logger);
        }
        catch
        {
            store?.Dispose();
            directoryLock.Dispose();
            throw;
        }
    }

    private void Run()
    {
        try
        {
            _loop.Start();
            EndTurn();
            _started.TrySetResult();
            while (Wait())
            {
                _batchBytes = 0;
                for (var taken = 0; taken < _options.MaxQueued && _batchBytes < _options.MaxBatchBytes && _work.Reader.TryRead(out var work); taken++)
                    work();
                _loop.Process();
                EndTurn();
            }
            _loop.Close();
            EndTurn();
            Release();
            _stopped.TrySetResult();
        }
        catch (Exception e)
        {
            Stop(e);
        }
    }

    private bool Wait()
    {
        var wait = _work.Reader.WaitToReadAsync();
        return wait.IsCompleted ? wait.Result : wait.AsTask().GetAwaiter().GetResult();
    }

    // After a failure: everybody who waits or comes later is told, and nobody gets an answer that the disk does not hold.
    private void Stop(Exception failure)
    {
        _logger.LogCritical("log: stopped, nothing more is acknowledged: {Reason}", failure.Message);
        _logger.LogDebug(failure, "log: stopped");
        _work.Writer.TryComplete(failure);
        try
        {
            _loop.Fail(failure);
            while (_work.Reader.TryRead(out var work))
                work();
        }
        finally
        {
            Release();
            _started.TrySetException(failure);
            _ = _started.Task.Exception; // seen, should nobody wait for it
            _stopped.TrySetException(failure);
            _ = _stopped.Task.Exception;
        }
    }

    private void Release()
    {
        _ticks.Dispose();
        _idle.Dispose();
        _store.Dispose();
        _lock.Dispose();
    }

    private void EndTurn()
    {
        // A leader without followers has nobody to send heartbeats to: no timer, no wake-ups.
        if (_loop.NeedsTicks != _ticking)
        {
            _ticking = _loop.NeedsTicks;
            var period = _ticking ? _options.TickInterval : Timeout.InfiniteTimeSpan;
            _ticks.Change(period, period);
        }
        if (!_idleTimerRuns && _loop.Appends != _appendsAtIdleTimer)
            StartIdleTimer();
    }

    private void StartIdleTimer()
    {
        _idleTimerRuns = true;
        _appendsAtIdleTimer = _loop.Appends;
        _idle.Change(_options.IdleDelay, Timeout.InfiniteTimeSpan);
    }

    private void QueueIdle()
    {
        if (!_work.Writer.TryWrite(IdleTimerFired))
            _idle.Change(_options.IdleDelay, Timeout.InfiniteTimeSpan); // full, so not idle
    }

    private void IdleTimerFired()
    {
        _idleTimerRuns = false;
        if (_loop.Appends == _appendsAtIdleTimer)
            _loop.Idle();
        else
            StartIdleTimer();
    }

    // One at a time: after a long sync the ticks that were missed must not count as silence of the leader.
    private void QueueTick()
    {
        if (Interlocked.Exchange(ref _tickQueued, 1) == 1)
            return;
        if (!_work.Writer.TryWrite(Tick))
            Volatile.Write(ref _tickQueued, 0);
    }

    private void Tick()
    {
        Volatile.Write(ref _tickQueued, 0);
        _loop.Tick();
    }

    private async Task<T> Queue<T>(Action<TaskCompletionSource<T>> work, CancellationToken cancellation)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _work.Writer.WriteAsync(() => work(completion), cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new ReplicaStoppedException(
                e.InnerException is { } cause ? $"the replica is stopped: {cause.Message}" : "the replica is closed", e.InnerException);
        }
        return await completion.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private void WriteSnapshotInBackground(SnapshotMetadata metadata, ISnapshotWriter captured) =>
        _background = Task.Run(() => WriteSnapshotAsync(metadata, captured));

    /// <summary>For what takes seconds: the thread pool has few threads, and much that waits for one.</summary>
    private static Task OnOwnThreadAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private async Task WriteSnapshotAsync(SnapshotMetadata metadata, ISnapshotWriter captured)
    {
        Exception? failure = null;
        try
        {
            using (captured)
            {
                await _snapshotFiles.WaitAsync(_closing.Token).ConfigureAwait(false);
                try
                {
                    var started = Stopwatch.GetTimestamp();
                    var bytes = 0L;
                    await OnOwnThreadAsync(() => bytes = _store.WriteSnapshot(metadata, captured.WriteTo, _closing.Token)).ConfigureAwait(false);
                    var duration = Stopwatch.GetElapsedTime(started);
                    LogMetrics.SnapshotSeconds.Observe(duration.TotalSeconds);
                    _logger.LogInformation("log: wrote the snapshot of entry {Index}, {Bytes} bytes in {Duration}", metadata.Index, bytes, duration);
                }
                finally
                {
                    _snapshotFiles.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
            return; // closing
        }
        catch (Exception e)
        {
            failure = e;
        }
        try
        {
            await _work.Writer.WriteAsync(() => _loop.SnapshotFinished(metadata, failure), _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // Closing: the next start finds the file.
        }
    }
}
