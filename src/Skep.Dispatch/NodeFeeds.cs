using System.Collections.Concurrent;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>Sorts every committed change to the streams of the nodes it concerns.</summary>
public sealed class NodeFeeds : IDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<NodeFeed, byte>> _byNode = new();
    private readonly IDisposable _subscription;

    public NodeFeeds(StateStore store) => _subscription = store.Subscribe(OnChanges, OnReset);

    /// <summary>Opens a feed of one node's changes. Open it first, read the state then: nothing is missed.</summary>
    internal NodeFeed Open(string nodeId)
    {
        var feed = new NodeFeed(nodeId, Close);
        _byNode.GetOrAdd(nodeId, static _ => new())[feed] = 0;
        return feed;
    }

    /// <summary>The node's session has something to say that is not in the state.</summary>
    internal void Wake(string nodeId) => Tell(nodeId, null);

    public void Dispose() => _subscription.Dispose();

    private void Close(NodeFeed feed)
    {
        if (!_byNode.TryGetValue(feed.NodeId, out var feeds))
            return;
        feeds.TryRemove(feed, out _);
        if (feeds.IsEmpty)
            _byNode.TryRemove(KeyValuePair.Create(feed.NodeId, feeds));
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            switch (change)
            {
                case TaskChange task:
                    Tell(task.Either.NodeId, task.Either.Id);
                    break;
                case NodeChange { New: { } node }:
                    Tell(node.Id, null);
                    break;
                case ClusterChange or ManagerChange:
                    foreach (var nodeId in _byNode.Keys)
                        Tell(nodeId, null);
                    break;
            }
        }
    }

    // A state that was replaced whole: every node is looked at anew, by a new session.
    private void OnReset()
    {
        foreach (var feeds in _byNode.Values)
        {
            foreach (var feed in feeds.Keys)
                feed.Break();
        }
    }

    private void Tell(string nodeId, string? taskId)
    {
        if (nodeId.Length == 0 || !_byNode.TryGetValue(nodeId, out var feeds))
            return;
        foreach (var feed in feeds.Keys)
            feed.Tell(taskId);
    }
}
