namespace Skep.Api.Swarm.Conversion;

/// <summary>Services and their specs.</summary>
internal static class ServiceConversion
{
    public static Types.Service ToApi(this Wire.Service service) => new Types.Service
    {
        Spec = service.Spec.ToApi(),
        PreviousSpec = service.PreviousSpec?.ToApi(),
        Endpoint = service.Endpoint is { } endpoint ? ToApi(endpoint) : new Types.Endpoint(),
        UpdateStatus = service.UpdateStatus is { } update ? ToApi(update) : null,
        JobStatus = service.JobStatus is { } job
            ? new Types.JobStatus { JobIteration = new() { Index = job.JobIteration?.Index ?? 0 }, LastExecution = job.LastExecution }
            : null,
    }.WithMeta(service.Id, service.Meta);

    public static Types.ServiceSpec ToApi(this Wire.ServiceSpec spec)
    {
        var task = (spec.Task ?? new Wire.TaskSpec()).ToApi();
        if (spec.Task?.RuntimeCase == Wire.TaskSpec.RuntimeOneofCase.Container)
            task.Runtime = "container";
#pragma warning disable CS0612 // An engine's older spec may still have its networks in the deprecated place.
        if (task.Networks is not { Count: > 0 } && spec.Networks.Count > 0)
            task.Networks = [.. spec.Networks.Select(n => n.ToApi())];
#pragma warning restore CS0612
        return new Types.ServiceSpec
        {
            TaskTemplate = task,
            Mode = ModeToApi(spec),
            UpdateConfig = spec.Update is { } update ? ToApi(update) : null,
            RollbackConfig = spec.Rollback is { } rollback ? ToApi(rollback) : null,
            EndpointSpec = spec.Endpoint is { } endpoint ? ToApi(endpoint) : null,
        }.WithAnnotations(spec.Annotations);
    }

    /// <exception cref="ApiException">400, with stock's words.</exception>
    public static Wire.ServiceSpec ToWire(this Types.ServiceSpec spec)
    {
        var wire = new Wire.ServiceSpec
        {
            Annotations = spec.ToAnnotations(),
            Task = spec.TaskTemplate.ToWire(),
            Update = spec.UpdateConfig is { } update ? ToWire(update) : null,
            Rollback = spec.RollbackConfig is { } rollback ? ToWire(rollback) : null,
        };
        if (wire.Annotations.Name.Length == 0)
            wire.Annotations.Name = ServiceNames.Random();
        if (spec.EndpointSpec is { } endpoint)
        {
            wire.Endpoint = new Wire.EndpointSpec { Mode = Words.ResolutionMode.Parse(endpoint.Mode, "resolution mode") };
            wire.Endpoint.Ports.AddRange((endpoint.Ports ?? []).Select(CommonConversion.ToWire));
        }
        SetMode(wire, spec.Mode);
        return wire;
    }

    private static void SetMode(Wire.ServiceSpec wire, Types.ServiceMode mode)
    {
        object?[] modes = [mode.Global, mode.Replicated, mode.ReplicatedJob, mode.GlobalJob];
        if (modes.Count(m => m is not null) > 1)
            throw new ApiException(400, "must specify only one service mode");
        if (mode.Global is not null)
            wire.Global = new Wire.GlobalService();
        else if (mode.GlobalJob is not null)
            wire.GlobalJob = new Wire.GlobalJob();
        else if (mode.ReplicatedJob is { } job)
            wire.ReplicatedJob = new Wire.ReplicatedJob { MaxConcurrent = job.MaxConcurrent ?? 1, TotalCompletions = job.TotalCompletions ?? job.MaxConcurrent ?? 1 };
        else
            wire.Replicated = new Wire.ReplicatedService { Replicas = mode.Replicated?.Replicas ?? 1 };
    }

    private static Types.ServiceMode ModeToApi(Wire.ServiceSpec spec) => spec.ModeCase switch
    {
        Wire.ServiceSpec.ModeOneofCase.Global => new Types.ServiceMode { Global = new() },
        Wire.ServiceSpec.ModeOneofCase.Replicated => new Types.ServiceMode { Replicated = new() { Replicas = spec.Replicated.Replicas } },
        Wire.ServiceSpec.ModeOneofCase.ReplicatedJob => new Types.ServiceMode
        {
            ReplicatedJob = new() { MaxConcurrent = spec.ReplicatedJob.MaxConcurrent, TotalCompletions = spec.ReplicatedJob.TotalCompletions },
        },
        Wire.ServiceSpec.ModeOneofCase.GlobalJob => new Types.ServiceMode { GlobalJob = new() },
        _ => new Types.ServiceMode(),
    };

    private static Types.UpdateConfig ToApi(Wire.UpdateConfig config) => new()
    {
        Parallelism = config.Parallelism,
        Delay = config.Delay.ToNanoseconds(),
        FailureAction = Words.FailureAction.Of(config.FailureAction),
        Monitor = config.Monitor.ToNanoseconds(),
        MaxFailureRatio = config.MaxFailureRatio,
        Order = Words.UpdateOrder.Of(config.Order),
    };

    private static Wire.UpdateConfig ToWire(Types.UpdateConfig config) => new()
    {
        Parallelism = config.Parallelism,
        Delay = config.Delay.ToDuration(),
        MaxFailureRatio = config.MaxFailureRatio,
        Monitor = config.Monitor == 0 ? null : config.Monitor.ToDuration(),
        FailureAction = config.FailureAction.Length == 0 || Words.FailureAction.TryParse(config.FailureAction, out _)
            ? Words.FailureAction.Parse(config.FailureAction, "")
            : throw new ApiException(400, $"unrecognized update failure action {config.FailureAction}"),
        Order = config.Order.Length == 0 || Words.UpdateOrder.TryParse(config.Order, out _)
            ? Words.UpdateOrder.Parse(config.Order, "")
            : throw new ApiException(400, $"unrecognized update order {config.Order}"),
    };

    private static Types.UpdateStatus ToApi(Wire.UpdateStatus status) => new()
    {
        State = Words.UpdateState.Of(status.State),
        StartedAt = status.StartedAt is { Seconds: not 0 } started ? started : null,
        CompletedAt = status.CompletedAt is { Seconds: not 0 } completed ? completed : null,
        Message = status.Message,
    };

    private static Types.EndpointSpec ToApi(Wire.EndpointSpec spec) => new() { Mode = Words.ResolutionMode.Of(spec.Mode), Ports = spec.Ports.ToApi() };

    private static Types.Endpoint ToApi(Wire.Endpoint endpoint) => new()
    {
        Spec = endpoint.Spec is { } spec ? ToApi(spec) : new Types.EndpointSpec(),
        Ports = endpoint.Ports.ToApi(),
        VirtualIPs = [.. endpoint.VirtualIps.Select(v => new Types.EndpointVirtualIP { NetworkID = v.NetworkId, Addr = v.Addr })],
    };
}
