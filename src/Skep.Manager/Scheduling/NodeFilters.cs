using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// What a node must be like to take the tasks of one spec, and the words for why none is. The order, the rules and the words
/// are those of SwarmKit's filter pipeline.
/// </summary>
internal sealed class NodeFilters
{
    private readonly List<Filter> _filters = [];

    public NodeDemand OfNode { get; }

    /// <param name="task">Any of the tasks: those of one spec and endpoint ask for the same.</param>
    /// <param name="ofNode">What it asks of a node as such.</param>
    public NodeFilters(TaskRecord task, NodeDemand ofNode)
    {
        var spec = task.Spec.Spec;
        OfNode = ofNode;
        Add(node => node.IsReady, "1 node not available for new tasks", "{0} nodes not available for new tasks");
        if (spec.Resources?.Reservations is { } reserved && (reserved.NanoCpus != 0 || reserved.MemoryBytes != 0 || reserved.Generic.Count > 0))
            AddTaken(node => node.HasEnough(reserved), "insufficient resources on 1 node", "insufficient resources on {0} nodes");
        if (RequiredPlugins.Of(ofNode) is { } plugins)
            Add(node => plugins.AreOn(node.Node), "missing plugin on 1 node", "missing plugin on {0} nodes");
        if (Constraints(spec) is { Count: > 0 } constraints)
            Add(node => Constraint.Match(constraints, node.Node, node.Role), "scheduling constraints not satisfied on 1 node", "scheduling constraints not satisfied on {0} nodes");
        if (spec.Placement?.Platforms is { Count: > 0 } platforms)
            Add(node => platforms.Any(p => Runs(node.Node.Description?.Platform, p)), "unsupported platform on 1 node", "unsupported platform on {0} nodes");
        var ports = NodeLoad.HostPorts(task.Endpoint).ToArray();
        if (ports.Length > 0)
            AddTaken(node => !Array.Exists(ports, node.UsesHostPort), "host-mode port already in use on 1 node", "host-mode port already in use on {0} nodes");
        if (spec.Placement is { MaxReplicas: > 0 and var max })
            AddTaken(node => (ulong)node.TasksOf(task.ServiceId) < max, "max replicas per node limit exceed", "max replicas per node limit exceed");
        // Cluster (CSI) volumes do not exist here yet, so nothing that mounts one can run.
        if (ofNode.ClusterVolume)
            Add(_ => false, "cannot fulfill requested CSI volume mounts on 1 node", "cannot fulfill requested CSI volume mounts on {0} nodes");
    }

    public bool Pass(NodeLoad node) => IsSuitable(node) && HasRoom(node);

    /// <summary>The node is as asked, whatever other tasks take of it.</summary>
    public bool IsSuitable(NodeLoad node) => PassAll(node, ofWhatIsTaken: false);

    /// <summary>Other tasks leave enough of the node: the only thing that changes when a task is placed.</summary>
    public bool HasRoom(NodeLoad node) => PassAll(node, ofWhatIsTaken: true);

    /// <summary>Why none of these nodes will do: most frequent reason first; empty when there are no nodes.</summary>
    public string Explain(IReadOnlyCollection<NodeLoad> nodes)
    {
        var failures = new int[_filters.Count];
        foreach (var node in nodes)
        {
            if (_filters.FindIndex(filter => !filter.Check(node)) is >= 0 and var first)
                failures[first]++;
        }
        return string.Join("; ", _filters.Zip(failures).Where(f => f.Second > 0).OrderByDescending(f => f.Second).Select(f =>
            f.Second == 1 ? f.First.One : string.Format(System.Globalization.CultureInfo.InvariantCulture, f.First.Many, f.Second)));
    }

    private bool PassAll(NodeLoad node, bool ofWhatIsTaken)
    {
        foreach (var filter in _filters)
        {
            if (filter.OfWhatIsTaken == ofWhatIsTaken && !filter.Check(node))
                return false;
        }
        return true;
    }

    private void Add(Func<NodeLoad, bool> check, string one, string many) => _filters.Add(new Filter(check, OfWhatIsTaken: false, one, many));

    private void AddTaken(Func<NodeLoad, bool> check, string one, string many) => _filters.Add(new Filter(check, OfWhatIsTaken: true, one, many));

    private static IReadOnlyList<Constraint> Constraints(Wire.TaskSpec spec)
    {
        try
        {
            return spec.Placement is { } placement ? Constraint.Parse(placement.Constraints) : [];
        }
        catch (FormatException)
        {
            // The API refuses malformed constraints; one that is there all the same filters nothing, as in stock.
            return [];
        }
    }

    private static bool Runs(Wire.Platform? node, Wire.Platform image) =>
        node is not null
        && (image.Architecture.Length == 0 || Canonical(image.Architecture) == Canonical(node.Architecture))
        && (image.Os.Length == 0 || image.Os == node.Os);

    private static string Canonical(string architecture) => architecture switch
    {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => architecture,
    };

    private sealed record Filter(Func<NodeLoad, bool> Check, bool OfWhatIsTaken, string One, string Many);
}
