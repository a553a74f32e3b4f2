using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Skep.Manager;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>Sorts every committed change to the streams of the nodes it concerns.</summary>
public sealed class NodeFeeds : IDisposable
{
    private readonly ConcurrentDictionary<string, ImmutableArray<NodeFeed>> _byNode = new();
    // Of the changes at hand, which come one list at a time: tasks that nodes must be told of, and how many of each service.
    private readonly List<TaskRecord> _tasks = [];
    private readonly Dictionary<string, int> _ofService = [];
    private readonly IDisposable _subscription;

    public NodeFeeds(StateStore store) => _subscription = store.Subscribe(OnChanges, OnReset);

    /// <summary>Opens a feed of one node's changes. Open it first, read the state then: nothing is missed.</summary>
    /// <param name="nodeId">Whose.</param>
    /// <param name="ofTasks">See <see cref="NodeFeed"/>.</param>
    /// <param name="onNews">See <see cref="NodeFeed"/>.</param>
    internal NodeFeed Open(string nodeId, bool ofTasks, Action<bool> onNews)
    {
        var feed = new NodeFeed(nodeId, ofTasks, onNews, Close);
        _byNode.AddOrUpdate(nodeId, static (_, feed) => [feed], static (_, feeds, feed) => feeds.Add(feed), feed);
        return feed;
    }

    /// <summary>The node's session has something to say that is not in the state.</summary>
    internal void Wake(string nodeId) => Tell(nodeId, null);

    public void Dispose() => _subscription.Dispose();

    private void Close(NodeFeed feed)
    {
        // Another stream of the node may be opened or closed at the same time: try until nobody was between.
        while (_byNode.TryGetValue(feed.NodeId, out var feeds))
        {
            var rest = feeds.Remove(feed);
            if (rest.IsEmpty ? _byNode.TryRemove(KeyValuePair.Create(feed.NodeId, feeds)) : _byNode.TryUpdate(feed.NodeId, rest, feeds))
                return;
        }
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            switch (change)
            {
                case TaskChange { Old: { } old, New: { } now } when ToldTask.IsOfNoInterest(old, now):
                    break;
                case TaskChange { Either: var task }:
                    _tasks.Add(task);
                    CollectionsMarshal.GetValueRefOrAddDefault(_ofService, task.ServiceId, out _)++;
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
        // One of few is urgent: a service of one replica among thousands of tasks of another.
        foreach (var task in _tasks)
            Tell(task.NodeId, task.Id, isUrgent: _ofService[task.ServiceId] <= SmallServices.MaxTasks);
        _tasks.Clear();
        _ofService.Clear();
    }

    // A state that was replaced whole: every node is looked at anew, by a new session.
    private void OnReset()
    {
        foreach (var feeds in _byNode.Values)
        {
            foreach (var feed in feeds)
                feed.Break();
        }
    }

    private void Tell(string nodeId, string? taskId, bool isUrgent = false)
    {
        if (nodeId.Length == 0 || !_byNode.TryGetValue(nodeId, out var feeds))
            return;
        foreach (var feed in feeds)
            feed.Tell(taskId, isUrgent);
    }
}
