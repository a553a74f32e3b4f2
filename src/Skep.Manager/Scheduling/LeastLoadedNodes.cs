using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The nodes that are as some specs ask, those with the fewest tasks first: a service of a few tasks is placed without a look at every node. Finds only
/// the plain best, a node that has no task of the service and no record of failures; the rest is the <see cref="SpreadTree"/>'s. Holds until
/// some node is changed or gets more room.
/// </summary>
internal sealed class LeastLoadedNodes
{
    /// <summary>Nodes passed over for one service before the whole look at all nodes is the cheaper way.</summary>
    private const int Patience = 64;

    private readonly PriorityQueue<NodeLoad, long> _order;
    private readonly List<(NodeLoad Node, long Rank)> _passedOver = [];

    public LeastLoadedNodes(NodeFilters filters, IReadOnlyList<NodeLoad> nodes)
    {
        _order = new PriorityQueue<NodeLoad, long>(nodes.Count);
        for (var i = 0; i < nodes.Count; i++)
        {
            if (filters.IsSuitable(nodes[i]))
                _order.Enqueue(nodes[i], Rank(nodes[i], i));
        }
    }

    /// <summary>The best node for the next task; null when none was found. The task must be counted on it before the next call.</summary>
    public NodeLoad? Find(TaskSpecRecord spec, NodeFilters filters, DateTimeOffset now)
    {
        while (_passedOver.Count < Patience && _order.TryPeek(out var node, out var rank))
        {
            // Nodes only fill up here, so one that was given tasks meanwhile just sinks to its place.
            if (rank >> 32 != node.Tasks)
                _order.DequeueEnqueue(node, Rank(node, (int)rank));
            else if (node.TasksOf(spec.ServiceId) == 0 && node.RecentFailures(spec, now) < NodeLoad.MaxFailures && filters.HasRoom(node))
                return node;
            else
                _passedOver.Add((_order.Dequeue(), rank));
        }
        return null;
    }

    /// <summary>What was passed over for one service is there for the next.</summary>
    public void PutBack()
    {
        foreach (var (node, rank) in _passedOver)
            _order.Enqueue(node, rank);
        _passedOver.Clear();
    }

    private static long Rank(NodeLoad node, int index) => ((long)node.Tasks << 32) | (uint)index;
}
