namespace Skep.Api.Swarm.Requests;

/// <summary>Fields that a client of an older API cannot mean, even if it sends them: stock drops them, and so services mean the same.</summary>
internal static class ApiVersionRules
{
    public static void Apply(ApiVersion version, Types.ServiceSpec spec)
    {
        var container = spec.TaskTemplate.ContainerSpec;
        var resources = spec.TaskTemplate.Resources;
        if (version < new ApiVersion(1, 52) && resources is not null)
        {
            resources.SwapBytes = null;
            resources.MemorySwappiness = null;
        }
        if (version < new ApiVersion(1, 46) && container is not null)
        {
            container.OomScoreAdj = 0;
            foreach (var mount in container.Mounts ?? [])
            {
                if (mount.TmpfsOptions is { } tmpfs)
                    tmpfs.Options = null;
            }
        }
        if (version < new ApiVersion(1, 44))
        {
            if (container?.Privileges is { } privileges)
            {
                privileges.Seccomp = null;
                privileges.AppArmor = null;
                privileges.NoNewPrivileges = false;
            }
            if (container?.Healthcheck is { } health)
                health.StartInterval = 0;
            if (spec.TaskTemplate.Networks is not { Count: > 0 })
                spec.TaskTemplate.Networks = spec.Networks;
        }
        if (version < new ApiVersion(1, 41))
        {
            if (container is not null)
            {
                container.CapabilityAdd = null;
                container.CapabilityDrop = null;
                container.Ulimits = null;
            }
            if (resources?.Limits is { } limits)
                limits.Pids = 0;
            spec.Mode.ReplicatedJob = null;
            spec.Mode.GlobalJob = null;
        }
        if (version < new ApiVersion(1, 40))
        {
            if (container is not null)
            {
                container.Sysctls = null;
                if (container.Privileges?.CredentialSpec is { } credentials)
                    credentials.Config = "";
                foreach (var config in container.Configs ?? [])
                    config.Runtime = null;
            }
            if (spec.TaskTemplate.Placement is { } placement)
                placement.MaxReplicas = 0;
        }
    }
}
