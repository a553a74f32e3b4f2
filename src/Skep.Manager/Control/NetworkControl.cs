using System.Text.RegularExpressions;
using Skep.Manager.Allocation;
using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker network create and rm, for networks of the swarm. Rules and words: SwarmKit's manager/controlapi/network.go.</summary>
internal static partial class NetworkControl
{
    public static Wire.CreateNetworkResponse Create(Turn turn, Wire.CreateNetworkRequest request)
    {
        var spec = request.Spec ?? throw Invalid("invalid argument");
        Validate(spec);
        foreach (var network in turn.State.Networks.Values)
        {
            if (spec.Ingress && NetworkKinds.IsIngress(network))
                throw new ControlException(ControlError.AlreadyExists, $"ingress network ({network.Id}) is already present");
            if (string.Equals(network.Spec.Annotations.Name, spec.Annotations.Name, StringComparison.OrdinalIgnoreCase))
                throw new ControlException(ControlError.AlreadyExists, $"network with name {spec.Annotations.Name} already exists");
        }
        var id = turn.Ids.NextId();
        turn.Emit(new Mutation { PutNetwork = new PutNetwork { Network = new Wire.Network { Id = id, Spec = spec.Clone() } } });
        return new Wire.CreateNetworkResponse { Network = turn.State.Networks[id] };
    }

    public static Wire.RemoveNetworkResponse Remove(Turn turn, Wire.RemoveNetworkRequest request)
    {
        if (request.NetworkId.Length == 0)
            throw Invalid("invalid argument");
        if (!turn.State.Networks.TryGetValue(request.NetworkId, out var network))
            throw new ControlException(ControlError.NotFound, $"network {request.NetworkId} not found");
        if (NetworkKinds.IsPredefined(network))
            throw Precondition($"network {network.Id} ({network.Spec.Annotations.Name}) is a swarm predefined network and cannot be removed");
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
                throw Precondition($"network {id} is in use by service {service.Id}");
        }
        foreach (var task in state.Tasks.All)
        {
            if (task is { DesiredState: <= Wire.TaskState.Running, IsTerminal: false } && task.Spec.Spec.Networks.Any(n => n.Target == id))
                throw Precondition($"network {id} is in use by task {task.Id}");
        }
    }

    private static void RequireIngressUnused(ClusterState state)
    {
        foreach (var service in state.Services.Values)
        {
            if (NetworkKinds.NeedsIngress(service.Spec))
                throw Precondition($"ingress network cannot be removed because service {service.Id} depends on it");
        }
    }

    private static void Validate(Wire.NetworkSpec spec)
    {
        if (spec.Attachable && spec.Ingress)
            throw Invalid("ingress network cannot be attachable");
        ValidateName(spec.Annotations?.Name ?? "");
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
                throw Invalid("driver name: if driver is specified name is required");
            if (!driver.Name.Equals("default", StringComparison.OrdinalIgnoreCase))
                throw Invalid($"plugin {driver.Name} not supported");
        }
        foreach (var config in ipam.Configs)
            ValidateAddresses(config);
    }

    private static void ValidateName(string name)
    {
        if (name.Length == 0)
            throw Invalid("meta: name must be provided");
        if (!NamePattern().IsMatch(name))
            throw Invalid("name must be valid as a DNS name component");
        if (name.Length > 63)
            throw Invalid("name must be 63 characters or fewer");
    }

    private static void ValidateDriver(Wire.NetworkSpec spec)
    {
        if (spec.DriverConfig is not { } driver)
            return;
        if (spec.Ingress && driver.Name != NetworkKinds.Overlay)
            throw new ControlException(ControlError.Unimplemented, "only overlay driver is currently supported for ingress network");
        if (driver.Name.Length == 0)
            throw Invalid("driver name: if driver is specified name is required");
        // Network plugins would have to run beside the manager; skepd has none.
        if (driver.Name != NetworkKinds.Overlay && !NetworkKinds.IsNodeLocalDriver(driver.Name))
            throw Invalid($"plugin {driver.Name} not supported");
    }

    private static void ValidateAddresses(Wire.IPAMConfig config)
    {
        if (!IpPrefix.TryParse(config.Subnet, out var subnet))
            throw Invalid($"ipam configuration: invalid subnet {config.Subnet}");
        if (config.Range.Length > 0)
        {
            if (!IpPrefix.TryParse(config.Range, out var range, out var address))
                throw Invalid($"ipam configuration: invalid range {config.Range}");
            if (range.IsV6 != subnet.IsV6 || !subnet.Contains(address))
                throw Invalid($"ipam configuration: subnet {config.Subnet} does not contain range {config.Range}");
        }
        if (config.Gateway.Length > 0)
        {
            if (!IpPrefix.TryParseAddress(config.Gateway, out var isV6, out var gateway))
                throw Invalid($"ipam configuration: invalid gateway {config.Gateway}");
            if (isV6 != subnet.IsV6 || !subnet.Contains(gateway))
                throw Invalid($"ipam configuration: subnet {config.Subnet} does not contain gateway {config.Gateway}");
        }
    }

    private static ControlException Invalid(string message) => new(ControlError.InvalidArgument, message);

    private static ControlException Precondition(string message) => new(ControlError.FailedPrecondition, message);

    [GeneratedRegex(@"^[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
