namespace Skep.Dispatch;

/// <summary>One registration of one node with this manager: ends when the node registers again, is removed, or falls silent.</summary>
public sealed class NodeSession : IDisposable
{
    private readonly ITimer _silence;
    private readonly CancellationTokenSource _end = new();
    private int _reporting;

    internal NodeSession(string nodeId, string id, TimeSpan grace, TimeProvider time, Action<NodeSession> onSilence)
    {
        NodeId = nodeId;
        Id = id;
        _silence = time.CreateTimer(state => onSilence((NodeSession)state!), this, grace, Timeout.InfiniteTimeSpan);
        Ended = _end.Token;
    }

    public string NodeId { get; }

    /// <summary>Opaque to the node; it names it in every call.</summary>
    public string Id { get; }

    /// <summary>Fires when the session is over: its streams end.</summary>
    public CancellationToken Ended { get; }

    /// <summary>Until then it is left where it is, so that no node is moved about.</summary>
    internal DateTimeOffset MovableFrom { get; init; }

    /// <summary>The manager that the node is sent to; null: it stays.</summary>
    internal string? MovesTo { get; set; }

    /// <summary>Whose turn it is to report.</summary>
    internal ReportTurns.Speaker Speaker { get; } = new();

    /// <summary>Tasks of small services that it was told of and that it has not yet started: it is answered before others meanwhile.</summary>
    internal UrgentTasks Urgent { get; } = new();

    /// <summary>Whether its node said something that was not read yet.</summary>
    internal Func<bool> HasUnread { get; set; } = static () => false;

    internal void Beat(TimeSpan grace)
    {
        if (!Ended.IsCancellationRequested)
            _silence.Change(grace, Timeout.InfiniteTimeSpan);
    }

    internal void End()
    {
        _silence.Dispose();
        // The caller may be the thread that applies the log: those who wait are only signalled, and go on on their own scheduler.
        _end.Cancel();
    }

    /// <summary>True for the one who is to report the session to the leader: one at a time.</summary>
    internal bool BeginReport() => Interlocked.Exchange(ref _reporting, 1) == 0;

    internal void EndReport() => Volatile.Write(ref _reporting, 0);

    public void Dispose()
    {
        End();
        _end.Dispose();
    }
}
