using Google.Protobuf.WellKnownTypes;

namespace Skep.Manager.Control;

/// <summary>What a service's spec must be, whatever else is in the cluster.</summary>
internal static class ServiceSpecValidation
{
    /// <summary>The longest duration that stock managers can hold: 2^63 ns.</summary>
    private const long MaxSeconds = 9_223_372_036;

    public static void Validate(Wire.ServiceSpec? spec)
    {
        if (spec is null)
            throw Refusals.InvalidArgument();
        Names.RequireDnsName(spec.Annotations);
        TaskSpecValidation.Validate(spec.Task ?? new Wire.TaskSpec());
        ValidateMode(spec);
        ValidateUpdate(spec.Update);
        ValidateUpdate(spec.Rollback);
        ValidateEndpoint(spec.Endpoint);
    }

    /// <summary>A duration that is not there, or that can be counted with and is not negative.</summary>
    public static void RequireNotNegative(Duration? duration, string refusal)
    {
        if (duration is null)
            return;
        if (duration.Seconds < 0 || duration.Nanos < 0)
            throw Refusals.InvalidArgument(refusal);
        if (duration.Seconds >= MaxSeconds || duration.Nanos > 999_999_999)
            throw Refusals.InvalidArgument($"duration: seconds:{duration.Seconds} nanos:{duration.Nanos} is out of range");
    }

    private static void ValidateMode(Wire.ServiceSpec spec)
    {
        switch (spec.ModeCase)
        {
            case Wire.ServiceSpec.ModeOneofCase.Replicated when spec.Replicated.Replicas > long.MaxValue:
                throw Refusals.InvalidArgument("Number of replicas must be non-negative");
            case Wire.ServiceSpec.ModeOneofCase.Replicated:
            case Wire.ServiceSpec.ModeOneofCase.Global:
                break;
            case Wire.ServiceSpec.ModeOneofCase.ReplicatedJob:
            case Wire.ServiceSpec.ModeOneofCase.GlobalJob:
                throw Refusals.Unimplemented("services in the modes replicated-job and global-job are not supported by this manager yet");
            default:
                throw Refusals.InvalidArgument("Unrecognized service mode");
        }
    }

    private static void ValidateUpdate(Wire.UpdateConfig? config)
    {
        if (config is null)
            return;
        RequireNotNegative(config.Delay, "TaskSpec: update-delay cannot be negative");
        RequireNotNegative(config.Monitor, "TaskSpec: update-monitor cannot be negative");
        if (config.MaxFailureRatio is not (>= 0 and <= 1))
            throw Refusals.InvalidArgument("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
    }

    private static void ValidateEndpoint(Wire.EndpointSpec? endpoint)
    {
        var published = new HashSet<(uint, Wire.PortConfig.Types.Protocol)>();
        foreach (var port in endpoint?.Ports ?? [])
        {
            // The routing mesh balances over a virtual address, which a service in DNS round-robin mode does not have.
            if (endpoint!.Mode == Wire.EndpointSpec.Types.ResolutionMode.Dnsrr && port.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress)
                throw Refusals.InvalidArgument("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
            if (port.PublishedPort != 0 && !published.Add((port.PublishedPort, port.Protocol)))
                throw Refusals.InvalidArgument("EndpointSpec: duplicate published ports provided");
        }
    }
}
