using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Node : StoredObject
{
    public NodeSpec Spec { get; set; } = new();

    public NodeDescription Description { get; set; } = new();

    public NodeStatus Status { get; set; } = new();

    [OmitEmpty]
    public ManagerStatus? ManagerStatus { get; set; }
}

internal sealed class NodeSpec : AnnotatedSpec
{
    [OmitEmpty]
    public string Role { get; set; } = "";

    [OmitEmpty]
    public string Availability { get; set; } = "";
}

internal sealed class NodeDescription
{
    [OmitEmpty]
    public string Hostname { get; set; } = "";

    public Platform Platform { get; set; } = new();

    public Resources Resources { get; set; } = new();

    public EngineDescription Engine { get; set; } = new();

    public TLSInfo TLSInfo { get; set; } = new();

    [OmitEmpty]
    public List<NodeCSIInfo>? CSIInfo { get; set; }
}

internal sealed class EngineDescription
{
    [OmitEmpty]
    public string EngineVersion { get; set; } = "";

    [OmitEmpty]
    public Dictionary<string, string>? Labels { get; set; }

    [OmitEmpty]
    public List<PluginDescription>? Plugins { get; set; }
}

internal sealed class PluginDescription
{
    [OmitEmpty]
    public string Type { get; set; } = "";

    [OmitEmpty]
    public string Name { get; set; } = "";
}

internal sealed class NodeCSIInfo
{
    [OmitEmpty]
    public string PluginName { get; set; } = "";

    [OmitEmpty]
    public string NodeID { get; set; } = "";

    [OmitEmpty]
    public long MaxVolumesPerNode { get; set; }

    [OmitEmpty]
    public Topology? AccessibleTopology { get; set; }
}

internal sealed class Topology
{
    [OmitEmpty]
    public Dictionary<string, string>? Segments { get; set; }
}

internal sealed class NodeStatus
{
    [OmitEmpty]
    public string State { get; set; } = "";

    [OmitEmpty]
    public string Message { get; set; } = "";

    [OmitEmpty]
    public string Addr { get; set; } = "";
}

internal sealed class ManagerStatus
{
    [OmitEmpty]
    public bool Leader { get; set; }

    [OmitEmpty]
    public string Reachability { get; set; } = "";

    [OmitEmpty]
    public string Addr { get; set; } = "";
}
