namespace Skep.Api.Swarm.Conversion;

/// <summary>What a service does where its spec says nothing: shown with <c>insertDefaults</c> (docker service inspect).</summary>
internal static class ServiceDefaults
{
    /// <summary>A copy with everything filled in.</summary>
    public static Wire.ServiceSpec WithDefaults(this Wire.ServiceSpec spec)
    {
        var full = spec.Clone();
        full.Task ??= new Wire.TaskSpec();
        if (full.Task.Container is { } container)
        {
            container.StopGracePeriod ??= new() { Seconds = 10 };
            container.DnsConfig ??= new();
        }
        full.Task.Resources ??= new();
        full.Task.Restart ??= new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.Any };
        full.Task.Restart.Delay ??= new() { Seconds = 5 };
        full.Task.Placement ??= new();
        full.Update ??= new Wire.UpdateConfig { Parallelism = 1 };
        full.Update.Monitor ??= new() { Seconds = 5 };
        full.Rollback ??= new Wire.UpdateConfig { Parallelism = 1 };
        full.Rollback.Monitor ??= new() { Seconds = 5 };
        return full;
    }
}
