using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Skep.Manager.Scheduling;

namespace Skep.Manager.Control;

/// <summary>What a task's spec must be, whatever else is in the cluster.</summary>
internal static class TaskSpecValidation
{
    private const long MinNanoCpus = 1_000_000;
    private const long MinMemory = 4 * 1024 * 1024;

    public static void Validate(Wire.TaskSpec spec)
    {
        ValidateResources(spec.Resources?.Limits);
        ValidateResources(spec.Resources?.Reservations);
        ServiceSpecValidation.RequireNotNegative(spec.Restart?.Delay, "TaskSpec: restart-delay cannot be negative");
        ServiceSpecValidation.RequireNotNegative(spec.Restart?.Window, "TaskSpec: restart-window cannot be negative");
        ValidatePlacement(spec.Placement);
        ValidateSecretReferences(spec.Container);
        ValidateConfigReferences(spec.Container);
        switch (spec.RuntimeCase)
        {
            case Wire.TaskSpec.RuntimeOneofCase.Container:
                ValidateContainer(spec.Container);
                break;
            case Wire.TaskSpec.RuntimeOneofCase.Generic:
                ValidateGenericRuntime(spec.Generic);
                break;
            case Wire.TaskSpec.RuntimeOneofCase.None:
                throw Refusals.InvalidArgument("TaskSpec: missing runtime");
            default:
                throw Refusals.Unimplemented("RuntimeSpec: unimplemented runtime in service spec");
        }
    }

    private static void ValidateResources(Wire.Resources? resources)
    {
        if (resources is null)
            return;
        if (resources.NanoCpus != 0 && resources.NanoCpus < MinNanoCpus)
        {
            var cpus = (resources.NanoCpus / 1e9).ToString(CultureInfo.InvariantCulture).Replace('E', 'e');
            throw Refusals.InvalidArgument($"invalid cpu value {cpus}: Must be at least 0.001");
        }
        if (resources.MemoryBytes != 0 && resources.MemoryBytes < MinMemory)
            throw Refusals.InvalidArgument($"invalid memory value {resources.MemoryBytes}: Must be at least 4MiB");
    }

    private static void ValidatePlacement(Wire.Placement? placement)
    {
        try
        {
            Constraint.Parse(placement?.Constraints ?? []);
        }
        catch (FormatException malformed)
        {
            throw Refusals.InvalidArgument(malformed.Message);
        }
    }

    private static void ValidateContainer(Wire.ContainerSpec container)
    {
        if (container.Image.Length == 0)
            throw Refusals.InvalidArgument("ContainerSpec: image reference must be provided");
        if (!ImageReference.IsValid(container.Image))
            throw Refusals.InvalidArgument($"ContainerSpec: \"{container.Image}\" is not a valid repository/tag");
        var targets = new HashSet<string>();
        foreach (var mount in container.Mounts)
        {
            if (!targets.Add(mount.Target))
                throw Refusals.InvalidArgument($"ContainerSpec: duplicate mount point: {mount.Target}");
        }
        ServiceSpecValidation.RequireNotNegative(container.StopGracePeriod, "ContainerSpec: stop-grace-period cannot be negative");
        if (container.Healthcheck is { } health)
            ValidateHealthcheck(health);
    }

    private static void ValidateHealthcheck(Wire.HealthConfig health)
    {
        RequireOneMillisecond(health.Interval, "Interval");
        RequireOneMillisecond(health.Timeout, "Timeout");
        RequireOneMillisecond(health.StartPeriod, "StartPeriod");
        RequireOneMillisecond(health.StartInterval, "StartInterval");
        if (health.Retries < 0)
            throw Refusals.InvalidArgument("ContainerSpec: Retries in HealthConfig cannot be negative");
    }

    private static void RequireOneMillisecond(Duration? duration, string name)
    {
        var refusal = $"ContainerSpec: {name} in HealthConfig cannot be less than 1ms";
        ServiceSpecValidation.RequireNotNegative(duration, refusal);
        if (duration is { Seconds: 0, Nanos: > 0 and < 1_000_000 })
            throw Refusals.InvalidArgument(refusal);
    }

    private static void ValidateGenericRuntime(Wire.GenericRuntimeSpec generic)
    {
        if (generic.Kind.Length < 3)
            throw Refusals.InvalidArgument($"Generic runtime: Invalid name \"{generic.Kind}\"");
        if (Names.AreSame(generic.Kind, "container") || Names.AreSame(generic.Kind, "attachment"))
            throw Refusals.InvalidArgument($"Generic runtime: \"{generic.Kind}\" is a reserved name");
        if (generic.Payload is not { } payload)
            throw Refusals.InvalidArgument("Generic runtime is missing payload");
        if (payload.TypeUrl.Length == 0)
            throw Refusals.InvalidArgument("Generic runtime is missing payload type");
        if (payload.Value.IsEmpty)
            throw Refusals.InvalidArgument("Generic runtime has an empty payload");
    }

    private static void ValidateSecretReferences(Wire.ContainerSpec? container)
    {
        var namesByTarget = new Dictionary<string, string>();
        foreach (var reference in container?.Secrets ?? [])
        {
            if (reference.SecretId.Length == 0 || reference.SecretName.Length == 0)
                throw Refusals.InvalidArgument("malformed secret reference");
            if (reference.File is not { } file)
                throw Refusals.InvalidArgument("malformed secret reference, no target provided");
            if (file.Name.Length == 0)
                throw Refusals.InvalidArgument("malformed file secret reference, invalid target file name provided");
            if (!namesByTarget.TryAdd(file.Name, reference.SecretName))
                throw Refusals.InvalidArgument($"secret references '{namesByTarget[file.Name]}' and '{reference.SecretName}' have a conflicting target: '{file.Name}'");
        }
    }

    private static void ValidateConfigReferences(Wire.ContainerSpec? container)
    {
        var credentialSpec = container?.Privileges?.CredentialSpec?.Config ?? "";
        var namesByTarget = new Dictionary<string, string>();
        foreach (var reference in container?.Configs ?? [])
        {
            if (reference.ConfigId.Length == 0 || reference.ConfigName.Length == 0)
                throw Refusals.InvalidArgument("malformed config reference");
            if (reference.TargetCase == Wire.ConfigReference.TargetOneofCase.None)
                throw Refusals.InvalidArgument("malformed config reference, no target provided");
            if (reference.Runtime is not null && reference.ConfigId == credentialSpec)
                credentialSpec = "";
            if (reference.File is not { } file)
                continue;
            if (file.Name.Length == 0)
                throw Refusals.InvalidArgument("malformed file config reference, invalid target file name provided");
            if (!namesByTarget.TryAdd(file.Name, reference.ConfigName))
                throw Refusals.InvalidArgument($"config references '{namesByTarget[file.Name]}' and '{reference.ConfigName}' have a conflicting target: '{file.Name}'");
        }
        if (credentialSpec.Length > 0)
            throw Refusals.InvalidArgument($"CredentialSpec references config '{credentialSpec}', but that config isn't in config references with RuntimeTarget");
    }
}
