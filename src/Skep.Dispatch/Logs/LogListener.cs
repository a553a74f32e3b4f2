using Skep.State;

namespace Skep.Dispatch.Logs;

/// <summary>One node's open stream of subscriptions: what it was told, and whether to look again.</summary>
/// <remarks>It compares what is with what it told, so that a node that reads slowly never has a queue.</remarks>
internal sealed class LogListener(string nodeId, Action<LogListener> close) : IDisposable
{
    private readonly Signal _news = new();
    private readonly HashSet<string> _told = [];

    public string NodeId => nodeId;

    /// <summary>Something may have changed for this node. Under the broker's lock.</summary>
    public void Wake() => _news.Set();

    public Task WaitAsync(CancellationToken cancellation) => _news.WaitAsync(cancellation);

    /// <summary>What the node has to be told now. Under the broker's lock.</summary>
    public List<Wire.SubscriptionMessage> Compare(IReadOnlyDictionary<string, LogSubscription> open)
    {
        var news = _told.Where(id => !open.ContainsKey(id)).Select(LogSubscription.Close).ToList();
        _told.RemoveWhere(id => !open.ContainsKey(id));
        foreach (var subscription in open.Values.Where(s => s.Wants(nodeId)))
        {
            if (_told.Add(subscription.Id))
                news.Add(subscription.Request);
        }
        return news;
    }

    /// <summary>The stream has ended.</summary>
    public void Dispose() => close(this);
}
