using Skep.Agent;

namespace Skep.Cli.Lab;

/// <summary>What the agents of this process see and do, counted. Thread-safe.</summary>
/// <param name="time">The clock.</param>
internal sealed class FleetFigures(TimeProvider time) : IAgentObserver
{
    /// <summary>Task states are multiples of 32 up to ORPHANED.</summary>
    private const int StateStep = 32;

    /// <summary>Texts of errors that are told apart; what comes after them is counted as "other".</summary>
    private const int MaxErrorTexts = 50;

    private const int MaxErrorLength = 160;

    /// <summary>Tasks that come after such a pause belong to another wave.</summary>
    private static readonly TimeSpan WaveGap = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly long[] _states = new long[((int)Wire.TaskState.Orphaned / StateStep) + 1];
    private readonly Dictionary<string, int> _managers = [];
    private readonly Dictionary<string, long> _errors = [];
    private long _opened, _connected, _lateHeartbeats, _statuses, _statusCalls, _removed, _removedWanted, _lost, _joined, _starting;
    private long _slow, _stuck, _deaths, _returns, _emptyReturns;
    private long _waveBegan, _waveEnded, _waveTasks;
    private DateTimeOffset? _allRunningAt;

    public LatencyHistogram Heartbeats { get; } = new();

    public long Joined => Interlocked.Read(ref _joined);

    /// <summary>Agents that hold a session now.</summary>
    public long Connected => Interlocked.Read(ref _connected);

    /// <summary>Sessions opened after an agent's first; those of nodes that have returned are among them.</summary>
    public long Reconnects => Interlocked.Read(ref _opened) - Joined;

    public long LateHeartbeats => Interlocked.Read(ref _lateHeartbeats);

    public long Statuses => Interlocked.Read(ref _statuses);

    public long StatusCalls => Interlocked.Read(ref _statusCalls);

    public long Removed => Interlocked.Read(ref _removed);

    /// <summary>Removed while they should have run: an engine would have killed their containers.</summary>
    public long RemovedWanted => Interlocked.Read(ref _removedWanted);

    /// <summary>Tasks that went with their node's power.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    public long SlowNodes => Interlocked.Read(ref _slow);

    public long StuckNodes => Interlocked.Read(ref _stuck);

    public long Deaths => Interlocked.Read(ref _deaths);

    /// <summary>With tasks or without.</summary>
    public long Returns => Interlocked.Read(ref _returns);

    /// <summary>Without their tasks.</summary>
    public long EmptyReturns => Interlocked.Read(ref _emptyReturns);

    public void NodeMade(bool isSlow, bool isStuck)
    {
        if (isSlow)
            Interlocked.Increment(ref _slow);
        if (isStuck)
            Interlocked.Increment(ref _stuck);
    }

    public void NodeDied() => Interlocked.Increment(ref _deaths);

    public void NodeReturned(bool isEmpty)
    {
        Interlocked.Increment(ref _returns);
        if (isEmpty)
            Interlocked.Increment(ref _emptyReturns);
    }

    public void AgentJoined() => Interlocked.Increment(ref _joined);

    public void SessionOpened(string manager)
    {
        Interlocked.Increment(ref _opened);
        Interlocked.Increment(ref _connected);
        lock (_lock)
            _managers[manager] = _managers.GetValueOrDefault(manager) + 1;
    }

    public void SessionEnded(string manager, bool wasOpen, string reason)
    {
        if (wasOpen)
            Interlocked.Decrement(ref _connected);
        lock (_lock)
        {
            if (wasOpen)
                _managers[manager]--;
            CountError(reason);
        }
    }

    public void HeartbeatEnded(TimeSpan roundTrip, bool late)
    {
        Heartbeats.Add(roundTrip);
        if (late)
            Interlocked.Increment(ref _lateHeartbeats);
    }

    public void StatusesSent(int count)
    {
        Interlocked.Increment(ref _statusCalls);
        Interlocked.Add(ref _statuses, count);
    }

    public void TaskMoved(Wire.TaskState? from, Wire.TaskState to)
    {
        if (from is { } left)
            Interlocked.Decrement(ref _states[(int)left / StateStep]);
        Interlocked.Increment(ref _states[(int)to / StateStep]);
        if (from is null && IsOnTheWay(to))
            OneMoreStarts();
        else if (from is { } before && IsOnTheWay(before) && !IsOnTheWay(to))
            OneLessStarts();
    }

    public void TaskRemoved(Wire.TaskState state, bool wasWanted)
    {
        Interlocked.Increment(ref _removed);
        if (wasWanted)
            Interlocked.Increment(ref _removedWanted);
        Gone(state);
    }

    public void TaskLost(Wire.TaskState state)
    {
        Interlocked.Increment(ref _lost);
        Gone(state);
    }

    /// <summary>An attempt to join that failed, and will be repeated.</summary>
    public void JoinFailed(string reason)
    {
        lock (_lock)
            CountError(reason);
    }

    /// <summary>Tasks on the nodes by state; states without any are left out.</summary>
    public IReadOnlyDictionary<Wire.TaskState, long> Tasks() =>
        Enum.GetValues<Wire.TaskState>().Select(s => (State: s, Count: Interlocked.Read(ref _states[(int)s / StateStep]))).Where(s => s.Count > 0).ToDictionary(s => s.State, s => s.Count);

    /// <summary>Agents by the manager that holds their session.</summary>
    public IReadOnlyDictionary<string, int> Managers()
    {
        lock (_lock)
            return new SortedDictionary<string, int>(_managers, StringComparer.Ordinal);
    }

    public IReadOnlyList<KeyValuePair<string, long>> Errors()
    {
        lock (_lock)
            return [.. _errors.OrderByDescending(e => e.Value)];
    }

    /// <summary>The last wave of tasks (those that came without a pause of 3 s): how many, when the last of them ran, and how long after the first had come; null while
    /// some are on their way.</summary>
    public Wave? LastWave()
    {
        lock (_lock)
            return _allRunningAt is { } at ? new Wave(_waveTasks, at, time.GetElapsedTime(_waveBegan, _waveEnded)) : null;
    }

    private void Gone(Wire.TaskState state)
    {
        Interlocked.Decrement(ref _states[(int)state / StateStep]);
        if (IsOnTheWay(state))
            OneLessStarts();
    }

    private static bool IsOnTheWay(Wire.TaskState state) => state < Wire.TaskState.Running;

    private void OneMoreStarts()
    {
        if (Interlocked.Increment(ref _starting) == 1)
        {
            lock (_lock)
            {
                if (_waveTasks == 0 || time.GetElapsedTime(_waveEnded) > WaveGap)
                {
                    _waveBegan = time.GetTimestamp();
                    Interlocked.Exchange(ref _waveTasks, 0);
                }
                _allRunningAt = null;
            }
        }
        Interlocked.Increment(ref _waveTasks);
    }

    private void OneLessStarts()
    {
        if (Interlocked.Decrement(ref _starting) > 0)
            return;
        lock (_lock)
        {
            _waveEnded = time.GetTimestamp();
            _allRunningAt = time.GetUtcNow();
        }
    }

    private void CountError(string reason)
    {
        var text = reason.Length > MaxErrorLength ? reason[..MaxErrorLength] : reason;
        if (_errors.Count >= MaxErrorTexts && !_errors.ContainsKey(text))
            text = "other";
        _errors[text] = _errors.GetValueOrDefault(text) + 1;
    }
}

/// <param name="Tasks">How many came.</param>
/// <param name="AllRunningAt">When the last of them ran.</param>
/// <param name="Took">Since the first came.</param>
internal sealed record Wave(long Tasks, DateTimeOffset AllRunningAt, TimeSpan Took);
