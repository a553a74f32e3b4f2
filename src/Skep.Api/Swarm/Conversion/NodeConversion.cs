namespace Skep.Api.Swarm.Conversion;

/// <summary>Nodes. A node that hosts a manager is shown as one, although to its engine it is a worker.</summary>
internal static class NodeConversion
{
    /// <param name="node">The node.</param>
    /// <param name="managers">Of the cluster.</param>
    public static Types.Node ToApi(this Wire.Node node, ManagerStatuses managers) => new Types.Node
    {
        Spec = new Types.NodeSpec
        {
            // Engines are workers all; a manager is the skepd beside one.
            Role = managers.IsManager(node.Id) ? "manager" : "worker",
            Availability = Words.Availability.Of(node.Spec?.Availability ?? default),
        }.WithAnnotations(node.Spec?.Annotations),
        Description = node.Description is { } description ? ToApi(description) : new Types.NodeDescription(),
        Status = new Types.NodeStatus
        {
            State = Words.NodeState.Of(node.Status?.State ?? default),
            Message = node.Status?.Message ?? "",
            Addr = node.Status?.Addr ?? "",
        },
        ManagerStatus = managers.Of(node.Id),
    }.WithMeta(node.Id, node.Meta);

    /// <exception cref="ApiException">400.</exception>
    public static Wire.NodeSpec ToWire(this Types.NodeSpec spec)
    {
        if (!Words.Role.TryParse(spec.Role, out var role))
            throw new ApiException(400, $"invalid Role: \"{spec.Role}\"");
        if (!Words.Availability.TryParse(spec.Availability, out var availability))
            throw new ApiException(400, $"invalid Availability: \"{spec.Availability}\"");
        return new Wire.NodeSpec { Annotations = spec.ToAnnotations(), DesiredRole = role, Availability = availability };
    }

    private static Types.NodeDescription ToApi(Wire.NodeDescription description) => new()
    {
        Hostname = description.Hostname,
        Platform = new Types.Platform { Architecture = description.Platform?.Architecture ?? "", OS = description.Platform?.Os ?? "" },
        Resources = description.Resources is { } resources
            ? new Types.Resources { NanoCPUs = resources.NanoCpus, MemoryBytes = resources.MemoryBytes, GenericResources = resources.Generic.ToApi() }
            : new Types.Resources(),
        Engine = description.Engine is { } engine
            ? new Types.EngineDescription
            {
                EngineVersion = engine.EngineVersion,
                Labels = engine.Labels.ToApi(),
                Plugins = [.. engine.Plugins.Select(p => new Types.PluginDescription { Type = p.Type, Name = p.Name })],
            }
            : new Types.EngineDescription(),
        TLSInfo = description.TlsInfo is { } tls
            ? new Types.TLSInfo
            {
                TrustRoot = tls.TrustRoot.ToStringUtf8(),
                CertIssuerSubject = tls.CertIssuerSubject.ToByteArray(),
                CertIssuerPublicKey = tls.CertIssuerPublicKey.ToByteArray(),
            }
            : new Types.TLSInfo(),
        CSIInfo = [.. description.CsiInfo.Select(c => new Types.NodeCSIInfo
        {
            PluginName = c.PluginName,
            NodeID = c.NodeId,
            MaxVolumesPerNode = c.MaxVolumesPerNode,
            AccessibleTopology = c.AccessibleTopology is { } topology ? new Types.Topology { Segments = topology.Segments.ToApi() } : null,
        })],
    };
}
