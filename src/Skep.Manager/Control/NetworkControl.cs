using Skep.Manager.Allocation;
using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker network create and rm, for networks of the swarm. Rules and words: SwarmKit's manager/controlapi/network.go.</summary>
internal static class NetworkControl
{
    public static Wire.CreateNetworkResponse Create(Turn turn, Wire.CreateNetworkRequest request)
    {
        var spec = request.Spec ?? throw Refusals.InvalidArgument();
        Validate(spec);
        foreach (var network in turn.State.Networks.Values)
        {
            if (spec.Ingress && NetworkKinds.IsIngress(network))
                throw Refusals.AlreadyExists($"ingress network ({network.Id}) is already present");
            if (Names.AreSame(network.Spec.Annotations.Name, spec.Annotations.Name))
                throw Refusals.AlreadyExists($"network with name {spec.Annotations.Name} already exists");
        }
        var id = turn.Ids.NextId();
        turn.Emit(new Mutation { PutNetwork = new PutNetwork { Network = new Wire.Network { Id = id, Spec = spec.Clone() } } });
        return new Wire.CreateNetworkResponse { Network = turn.State.Networks[id] };
    }

    public static Wire.RemoveNetworkResponse Remove(Turn turn, Wire.RemoveNetworkRequest request)
    {
        if (request.NetworkId.Length == 0)
            throw Refusals.InvalidArgument();
        if (!turn.State.Networks.TryGetValue(request.NetworkId, out var network))
            throw Refusals.NotFound("network", request.NetworkId);
        if (NetworkKinds.IsPredefined(network))
            throw Refusals.FailedPrecondition($"network {network.Id} ({network.Spec.Annotations.Name}) is a swarm predefined network and cannot be removed");
        if (NetworkKinds.IsIngress(network))
            RequireIngressUnused(turn.State);
        else
            RequireUnused(turn.State, network.Id);
        turn.Emit(new Mutation { RemoveNetwork = new RemoveObject { Id = network.Id } });
        return new Wire.RemoveNetworkResponse();
    }

    private static void RequireUnused(ClusterState state, string id)
    {
        foreach (var service in state.Services.Values)
        {
            if (NetworkKinds.Of(service.Spec).Any(n => n.Target == id))
                throw Refusals.FailedPrecondition($"network {id} is in use by service {service.Id}");
        }
        foreach (var task in state.Tasks.All)
        {
            if (task is { DesiredState: <= Wire.TaskState.Running, IsTerminal: false } && task.Spec.Spec.Networks.Any(n => n.Target == id))
                throw Refusals.FailedPrecondition($"network {id} is in use by task {task.Id}");
        }
    }

    private static void RequireIngressUnused(ClusterState state)
    {
        foreach (var service in state.Services.Values)
        {
            if (NetworkKinds.NeedsIngress(service.Spec))
                throw Refusals.FailedPrecondition($"ingress network cannot be removed because service {service.Id} depends on it");
        }
    }

    private static void Validate(Wire.NetworkSpec spec)
    {
        if (spec.Attachable && spec.Ingress)
            throw Refusals.InvalidArgument("ingress network cannot be attachable");
        Names.RequireDnsName(spec.Annotations);
        if (spec.Annotations!.Labels.ContainsKey(NetworkKinds.PredefinedLabel))
        {
            throw new ControlException(ControlError.PermissionDenied,
                $"label {NetworkKinds.PredefinedLabel} is for internally created predefined networks and cannot be applied by users");
        }
        ValidateDriver(spec);
        if (spec.Ipam is not { } ipam)
            return;
        if (ipam.Driver is { } driver)
        {
            if (driver.Name.Length == 0)
                throw Refusals.InvalidArgument("driver name: if driver is specified name is required");
            if (!driver.Name.Equals("default", StringComparison.OrdinalIgnoreCase))
                throw Refusals.InvalidArgument($"plugin {driver.Name} not supported");
        }
        foreach (var config in ipam.Configs)
            ValidateAddresses(config);
    }

    private static void ValidateDriver(Wire.NetworkSpec spec)
    {
        if (spec.DriverConfig is not { } driver)
            return;
        if (spec.Ingress && driver.Name != NetworkKinds.Overlay)
            throw Refusals.Unimplemented("only overlay driver is currently supported for ingress network");
        if (driver.Name.Length == 0)
            throw Refusals.InvalidArgument("driver name: if driver is specified name is required");
        // Network plugins would have to run beside the manager; skepd has none.
        if (driver.Name != NetworkKinds.Overlay && !NetworkKinds.IsNodeLocalDriver(driver.Name))
            throw Refusals.InvalidArgument($"plugin {driver.Name} not supported");
    }

    private static void ValidateAddresses(Wire.IPAMConfig config)
    {
        if (!IpPrefix.TryParse(config.Subnet, out var subnet))
            throw Refusals.InvalidArgument($"ipam configuration: invalid subnet {config.Subnet}");
        if (config.Range.Length > 0)
        {
            if (!IpPrefix.TryParse(config.Range, out var range, out var address))
                throw Refusals.InvalidArgument($"ipam configuration: invalid range {config.Range}");
            if (range.IsV6 != subnet.IsV6 || !subnet.Contains(address))
                throw Refusals.InvalidArgument($"ipam configuration: subnet {config.Subnet} does not contain range {config.Range}");
        }
        if (config.Gateway.Length > 0)
        {
            if (!IpPrefix.TryParseAddress(config.Gateway, out var isV6, out var gateway))
                throw Refusals.InvalidArgument($"ipam configuration: invalid gateway {config.Gateway}");
            if (isV6 != subnet.IsV6 || !subnet.Contains(gateway))
                throw Refusals.InvalidArgument($"ipam configuration: subnet {config.Subnet} does not contain gateway {config.Gateway}");
        }
    }
}
