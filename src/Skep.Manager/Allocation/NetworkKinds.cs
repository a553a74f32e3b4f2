using Google.Protobuf.Collections;

namespace Skep.Manager.Allocation;

/// <summary>What networks are and who uses them, by SwarmKit's rules.</summary>
public static class NetworkKinds
{
    /// <summary>Marks the swarm's names for networks that every node has of itself: host and bridge.</summary>
    public const string PredefinedLabel = "com.docker.swarm.predefined";

    public const string Overlay = "overlay";

    public static bool IsIngress(Wire.Network network) =>
        network.Spec.Ingress || (network.Spec.Annotations?.Name == "ingress" && network.Spec.Annotations.Labels.ContainsKey("com.docker.swarm.internal"));

    public static bool IsPredefined(Wire.Network network) =>
        network.Spec.Annotations?.Labels.GetValueOrDefault(PredefinedLabel) == "true";

    /// <summary>Drivers whose networks every node makes for itself: the cluster only knows the name.</summary>
    public static bool IsNodeLocalDriver(string driver) => driver is "bridge" or "host" or "ipvlan" or "macvlan";

    public static string DriverOf(Wire.Network network) => network.Spec.DriverConfig?.Name is { Length: > 0 } name ? name : Overlay;

    /// <summary>The allocator is done with it.</summary>
    public static bool IsAllocated(Wire.Network network) => network.DriverState is not null;

    public static bool IsAllocatedOverlay(Wire.Network network) => network.DriverState is { } driver && !IsNodeLocalDriver(driver.Name);

    /// <summary>The service publishes a port on every node of the cluster.</summary>
    public static bool NeedsIngress(Wire.ServiceSpec spec) =>
        spec.Endpoint is { } endpoint && endpoint.Ports.Any(p => p.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress);

    public static RepeatedField<Wire.NetworkAttachmentConfig> Of(Wire.ServiceSpec spec) => Of(spec.Task, spec);

    /// <summary>Those of the task's spec; old clients put them into the service's.</summary>
    public static RepeatedField<Wire.NetworkAttachmentConfig> Of(Wire.TaskSpec? task, Wire.ServiceSpec? service)
    {
        if (task is { Networks.Count: > 0 } || service is null)
            return task?.Networks ?? [];
#pragma warning disable CS0612 // Deprecated on the wire, but still sent by old clients.
        return service.Networks;
#pragma warning restore CS0612
    }
}
