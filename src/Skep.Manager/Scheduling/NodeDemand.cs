using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>
/// What a spec asks of a node as such, whatever tasks take of it; equal for specs that ask the same. Several names are separated by commas, and what is not
/// asked is empty, so that to compare a hundred thousand services that ask for little makes no garbage.
/// </summary>
internal readonly record struct NodeDemand(string Constraints, string Platforms, string VolumeDrivers, string NetworkDrivers, string LogDriver, bool ClusterVolume)
{
    public static NodeDemand Of(ClusterState state, TaskRecord task)
    {
        var spec = task.Spec.Spec;
        var mounts = spec.Container is { Mounts.Count: > 0 } container ? container.Mounts : null;
        return new NodeDemand(
            spec.Placement is { Constraints.Count: > 0 } constrained ? constrained.Constraints.ToString() : "",
            spec.Placement is { Platforms.Count: > 0 } bound ? bound.Platforms.ToString() : "",
            mounts is null ? "" : string.Join(',', mounts.Where(m => m.Type == Wire.Mount.Types.Type.Volume).Select(m => m.VolumeOptions?.DriverConfig?.Name ?? "").Where(name => name.Length > 0 && name != "local").Distinct()),
            DriversOf(state, task.Attachments),
            spec.LogDriver?.Name is { } log && log != "none" ? log : "",
            mounts is not null && mounts.Any(m => m.Type == Wire.Mount.Types.Type.Cluster));
    }

    private static string DriversOf(ClusterState state, IReadOnlyList<Attachment> attachments)
    {
        var drivers = "";
        for (var i = 0; i < attachments.Count; i++)
        {
            if (state.Networks.GetValueOrDefault(attachments[i].NetworkId)?.DriverState?.Name is not { Length: > 0 } name || name == drivers)
                continue;
            if (drivers.Length == 0)
                drivers = name;
            else if (!drivers.Split(',').Contains(name))
                drivers = $"{drivers},{name}";
        }
        return drivers;
    }
}
