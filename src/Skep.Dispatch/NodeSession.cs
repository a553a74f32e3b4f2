namespace Skep.Dispatch;

/// <summary>One registration of one node with this manager: ends when the node registers again, is removed, or falls silent.</summary>
public sealed class NodeSession : IDisposable
{
    private readonly ITimer _silence;
    private readonly CancellationTokenSource _end = new();

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

    internal void Beat(TimeSpan grace)
    {
        if (!Ended.IsCancellationRequested)
            _silence.Change(grace, Timeout.InfiniteTimeSpan);
    }

    internal void End()
    {
        _silence.Dispose();
        _end.Cancel();
    }

    public void Dispose()
    {
        End();
        _end.Dispose();
    }
}
