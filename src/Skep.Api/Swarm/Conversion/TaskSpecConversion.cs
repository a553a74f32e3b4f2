namespace Skep.Api.Swarm.Conversion;

/// <summary>What a service's tasks are made of.</summary>
internal static class TaskSpecConversion
{
    public static Types.TaskSpec ToApi(this Wire.TaskSpec spec) => new()
    {
        ContainerSpec = spec.Container?.ToApi(),
        NetworkAttachmentSpec = spec.Attachment is { } attachment ? new Types.NetworkAttachmentSpec { ContainerID = attachment.ContainerId } : null,
        Runtime = spec.RuntimeCase == Wire.TaskSpec.RuntimeOneofCase.Attachment ? "attachment" : "",
        Resources = ResourcesToApi(spec),
        RestartPolicy = spec.Restart is { } restart ? ToApi(restart) : null,
        Placement = spec.Placement is { } placement ? ToApi(placement) : null,
        Networks = [.. spec.Networks.Select(ToApi)],
        LogDriver = spec.LogDriver.ToApi(),
        ForceUpdate = spec.ForceUpdate,
    };

    /// <exception cref="ApiException">400.</exception>
    public static Wire.TaskSpec ToWire(this Types.TaskSpec spec)
    {
        var wire = new Wire.TaskSpec
        {
            Resources = spec.Resources is { } resources ? ToWire(resources) : null,
            Restart = spec.RestartPolicy is { } restart ? ToWire(restart) : null,
            Placement = spec.Placement is { } placement ? ToWire(placement) : null,
            LogDriver = spec.LogDriver.ToWire(),
            ForceUpdate = spec.ForceUpdate,
        };
        wire.Networks.AddRange((spec.Networks ?? []).Select(ToWire));
        switch (spec.Runtime)
        {
            case "" or "container":
                wire.Container = spec.ContainerSpec?.ToWire() ?? throw new ApiException(400, "mismatched Runtime and *Spec fields");
                // The wire has the limit of processes beside the container, the API beside the other limits.
                wire.Container.PidsLimit = spec.Resources?.Limits?.Pids ?? 0;
                return wire;
            case "plugin": throw new ApiException(400, "runtime type \"plugin\" is not supported: install plugins on the nodes with docker plugin install");
            default: throw new ApiException(400, "unsupported runtime");
        }
    }

    public static Types.NetworkAttachmentConfig ToApi(this Wire.NetworkAttachmentConfig network) =>
        new() { Target = network.Target, Aliases = network.Aliases.ToApi(), DriverOpts = network.DriverAttachmentOpts.ToApi() };

    private static Wire.NetworkAttachmentConfig ToWire(Types.NetworkAttachmentConfig network)
    {
        var wire = new Wire.NetworkAttachmentConfig { Target = network.Target };
        wire.Aliases.Fill(network.Aliases);
        wire.DriverAttachmentOpts.Fill(network.DriverOpts);
        return wire;
    }

    private static Types.ResourceRequirements? ResourcesToApi(Wire.TaskSpec spec)
    {
        var pids = spec.Container?.PidsLimit ?? 0;
        if (spec.Resources is null && pids == 0)
            return null;
        return new Types.ResourceRequirements
        {
            Limits = spec.Resources?.Limits is null && pids == 0
                ? null
                : new Types.Limit { NanoCPUs = spec.Resources?.Limits?.NanoCpus ?? 0, MemoryBytes = spec.Resources?.Limits?.MemoryBytes ?? 0, Pids = pids },
            Reservations = spec.Resources?.Reservations is { } reservations
                ? new Types.Resources { NanoCPUs = reservations.NanoCpus, MemoryBytes = reservations.MemoryBytes, GenericResources = reservations.Generic.ToApi() }
                : null,
            SwapBytes = spec.Resources?.SwapBytes,
            MemorySwappiness = spec.Resources?.MemorySwappiness,
        };
    }

    private static Wire.ResourceRequirements ToWire(Types.ResourceRequirements resources)
    {
        var wire = new Wire.ResourceRequirements { SwapBytes = resources.SwapBytes, MemorySwappiness = resources.MemorySwappiness };
        if (resources.Limits is { } limits)
            wire.Limits = new Wire.Resources { NanoCpus = limits.NanoCPUs, MemoryBytes = limits.MemoryBytes };
        if (resources.Reservations is { } reservations)
        {
            wire.Reservations = new Wire.Resources { NanoCpus = reservations.NanoCPUs, MemoryBytes = reservations.MemoryBytes };
            wire.Reservations.Generic.AddRange((reservations.GenericResources ?? []).Select(CommonConversion.ToWire));
        }
        if (wire.SwapBytes is not null && wire.Limits is not { MemoryBytes: > 0 })
            throw new ApiException(400, "memory swap provided, but no memory-limit was set");
        return wire;
    }

    private static Types.RestartPolicy ToApi(Wire.RestartPolicy restart) => new()
    {
        Condition = Words.RestartCondition.Of(restart.Condition),
        Delay = restart.Delay is { } delay ? delay.ToNanoseconds() : null,
        Window = restart.Window is { } window ? window.ToNanoseconds() : null,
        MaxAttempts = restart.MaxAttempts,
    };

    private static Wire.RestartPolicy ToWire(Types.RestartPolicy restart) => new()
    {
        Condition = restart.Condition.Length == 0 ? Wire.RestartPolicy.Types.RestartCondition.Any : Words.RestartCondition.Parse(restart.Condition, "RestartCondition"),
        Delay = restart.Delay?.ToDuration(),
        Window = restart.Window?.ToDuration(),
        MaxAttempts = restart.MaxAttempts ?? 0,
    };

    private static Types.Placement ToApi(Wire.Placement placement) => new()
    {
        Constraints = placement.Constraints.ToApi(),
        Preferences = [.. placement.Preferences.Where(p => p.Spread is not null)
            .Select(p => new Types.PlacementPreference { Spread = new Types.SpreadOver { SpreadDescriptor = p.Spread.SpreadDescriptor } })],
        MaxReplicas = placement.MaxReplicas,
        Platforms = [.. placement.Platforms.Select(p => new Types.Platform { Architecture = p.Architecture, OS = p.Os })],
    };

    private static Wire.Placement ToWire(Types.Placement placement)
    {
        var wire = new Wire.Placement { MaxReplicas = placement.MaxReplicas };
        wire.Constraints.Fill(placement.Constraints);
        foreach (var preference in placement.Preferences ?? [])
        {
            if (preference.Spread is { } spread)
                wire.Preferences.Add(new Wire.PlacementPreference { Spread = new Wire.SpreadOver { SpreadDescriptor = spread.SpreadDescriptor } });
        }
        wire.Platforms.AddRange((placement.Platforms ?? []).Select(p => new Wire.Platform { Architecture = p.Architecture, Os = p.OS }));
        return wire;
    }
}
