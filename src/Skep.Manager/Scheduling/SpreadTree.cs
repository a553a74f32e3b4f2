using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.Collections;
using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The nodes that can take the tasks of one spec, as a tree by the placement preferences (spread over racks, then over hosts, …).
/// Each task goes down the branches with the fewest tasks of its service, and in the leaf to the best node: one without
/// repeated failures, with the fewest tasks of the service, with the fewest tasks. O(log n) per task and level. Holds as long as the loads of
/// nodes change by its own placements only.
/// </summary>
internal sealed class SpreadTree
{
    private readonly Branch _root = new();
    private readonly TaskSpecRecord _spec;
    private readonly DateTimeOffset _now;
    private readonly NodeFilters _filters;

    public SpreadTree(TaskSpecRecord spec, NodeFilters filters, IReadOnlyList<NodeLoad> nodes, DateTimeOffset now)
    {
        _spec = spec;
        _now = now;
        _filters = filters;
        var preferences = spec.Spec.Placement?.Preferences ?? [];
        for (var i = 0; i < nodes.Count; i++)
        {
            // Every node counts in its branch, also one that can take no more: the branches are to be even as a whole.
            var tasks = nodes[i].TasksOf(spec.ServiceId);
            var leaf = Descend(nodes[i].Node, preferences, tasks);
            if (filters.Pass(nodes[i]))
                leaf.Nodes.Enqueue(nodes[i], RankOf(nodes[i], i));
        }
        _root.Arrange();
    }

    /// <summary>Lets <paramref name="place"/> put one task on the best node; false when no node can take it.</summary>
    public bool TryPlace(Action<NodeLoad> place) => TryPlace(_root, place);

    private Branch Descend(Wire.Node node, RepeatedField<Wire.PlacementPreference> preferences, int tasks)
    {
        var branch = _root;
        branch.Tasks += tasks;
        foreach (var preference in preferences)
        {
            if (preference.Spread is not { } spread || ValueOf(node, spread.SpreadDescriptor) is not { } value)
                continue;
            branch = branch.Child(value);
            branch.Tasks += tasks;
        }
        return branch;
    }

    // A node without the label stands in the branch of the empty value; a descriptor that is no label makes no level at all.
    private static string? ValueOf(Wire.Node node, string descriptor)
    {
        if (LabelOf(descriptor, "node.labels.") is { } nodeLabel)
            return node.Spec?.Annotations?.Labels.GetValueOrDefault(nodeLabel) ?? "";
        if (LabelOf(descriptor, "engine.labels.") is { } engineLabel)
            return node.Description?.Engine?.Labels.GetValueOrDefault(engineLabel) ?? "";
        return null;
    }

    private static string? LabelOf(string descriptor, string prefix) =>
        descriptor.Length > prefix.Length && descriptor.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? descriptor[prefix.Length..] : null;

    private Rank RankOf(NodeLoad node, int index)
    {
        var failures = node.RecentFailures(_spec, _now);
        return new Rank(failures >= NodeLoad.MaxFailures ? failures : 0, node.TasksOf(_spec.ServiceId), node.Tasks, index);
    }

    private bool TryPlace(Branch branch, Action<NodeLoad> place)
    {
        if (branch.Children is null)
            return TryPlaceOnNode(branch, place);
        while (branch.Order.TryDequeue(out var child, out var rank))
        {
            // A branch that can take no more is left out from now on.
            if (!TryPlace(child, place))
                continue;
            branch.Tasks++;
            branch.Order.Enqueue(child, rank with { Tasks = child.Tasks });
            return true;
        }
        return false;
    }

    private bool TryPlaceOnNode(Branch leaf, Action<NodeLoad> place)
    {
        if (!leaf.TryTakeBest(out var node, out var rank))
            return false;
        place(node);
        leaf.Tasks++;
        if (_filters.HasRoom(node))
            leaf.Chosen.Enqueue((node, rank with { TasksOfService = rank.TasksOfService + 1, Tasks = rank.Tasks + 1 }));
        return true;
    }

    private readonly record struct Rank(int Failures, int TasksOfService, int Tasks, int Index) : IComparable<Rank>
    {
        public int CompareTo(Rank other)
        {
            if (Failures != other.Failures)
                return Failures.CompareTo(other.Failures);
            if (TasksOfService != other.TasksOfService)
                return TasksOfService.CompareTo(other.TasksOfService);
            return Tasks != other.Tasks ? Tasks.CompareTo(other.Tasks) : Index.CompareTo(other.Index);
        }
    }

    private readonly record struct BranchRank(int Tasks, int Index) : IComparable<BranchRank>
    {
        public int CompareTo(BranchRank other) => Tasks != other.Tasks ? Tasks.CompareTo(other.Tasks) : Index.CompareTo(other.Index);
    }

    private sealed class Branch
    {
        /// <summary>Tasks of the service in this part of the cluster.</summary>
        public int Tasks { get; set; }

        /// <summary>Null in a leaf.</summary>
        public Dictionary<string, Branch>? Children { get; private set; }

        public PriorityQueue<Branch, BranchRank> Order { get; } = new();

        /// <summary>Nodes that were not chosen yet.</summary>
        public PriorityQueue<NodeLoad, Rank> Nodes { get; } = new();

        /// <summary>
        /// Nodes that were chosen, with their ranks now. The best comes first without any sorting: nodes are chosen in the order of their ranks, and a
        /// task more moves each rank back as far as the others.
        /// </summary>
        public Queue<(NodeLoad Node, Rank Rank)> Chosen { get; } = new();

        public bool TryTakeBest([MaybeNullWhen(false)] out NodeLoad node, out Rank rank)
        {
            if (Chosen.TryPeek(out var chosen) && (!Nodes.TryPeek(out _, out var first) || chosen.Rank.CompareTo(first) < 0))
            {
                (node, rank) = Chosen.Dequeue();
                return true;
            }
            return Nodes.TryDequeue(out node, out rank);
        }

        public Branch Child(string value)
        {
            Children ??= [];
            if (!Children.TryGetValue(value, out var child))
                Children[value] = child = new Branch();
            return child;
        }

        public void Arrange()
        {
            if (Children is null)
                return;
            var index = 0;
            foreach (var child in Children.Values)
            {
                child.Arrange();
                Order.Enqueue(child, new BranchRank(child.Tasks, index++));
            }
        }
    }
}
