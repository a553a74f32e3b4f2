using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker service create, update, rollback, rm. The rules do the rest: here only the service's object changes.</summary>
internal static class ServiceControl
{
    public static Wire.CreateServiceResponse Create(Turn turn, Wire.CreateServiceRequest request)
    {
        ServiceSpecValidation.Validate(request.Spec);
        ServiceReferences.RequireNetworks(turn.State, request.Spec);
        ServiceReferences.RequirePorts(turn.State, request.Spec, serviceId: null);
        ServiceReferences.RequireIngress(turn.State, request.Spec);
        ServiceReferences.RequireSecretsAndConfigs(turn.State, request.Spec);
        var name = request.Spec.Annotations.Name;
        if (turn.State.ServiceByName(name) is not null)
            throw Refusals.AlreadyExists($"name conflicts with an existing object: service {name} already exists");
        return new Wire.CreateServiceResponse { Service = Put(turn, new Wire.Service { Id = turn.Ids.NextId(), Spec = request.Spec.Clone() }) };
    }

    public static Wire.UpdateServiceResponse Update(Turn turn, Wire.UpdateServiceRequest request)
    {
        if (request.ServiceId.Length == 0 || request.ServiceVersion is null)
            throw Refusals.InvalidArgument();
        ServiceSpecValidation.Validate(request.Spec);
        ServiceReferences.RequireNetworks(turn.State, request.Spec);
        var present = turn.State.Services.GetValueOrDefault(request.ServiceId) ?? throw Refusals.NotFound("service", request.ServiceId);
        if (request.Spec.Endpoint is { } endpoint && !endpoint.Equals(present.Spec.Endpoint))
            ServiceReferences.RequirePorts(turn.State, request.Spec, present.Id);
        ServiceReferences.RequireSecretsAndConfigs(turn.State, request.Spec);
        RequireChangeable(present.Spec, request.Spec);
        var service = request.Rollback == Wire.UpdateServiceRequest.Types.Rollback.Previous ? RolledBack(turn, present) : Updated(present, request.Spec);
        ServiceReferences.RequireIngress(turn.State, service.Spec);
        Refusals.ThrowIfOutOfSequence(request.ServiceVersion, present.Meta);
        return new Wire.UpdateServiceResponse { Service = Put(turn, service) };
    }

    public static Wire.RemoveServiceResponse Remove(Turn turn, Wire.RemoveServiceRequest request)
    {
        if (request.ServiceId.Length == 0)
            throw Refusals.InvalidArgument();
        if (!turn.State.Services.ContainsKey(request.ServiceId))
            throw Refusals.NotFound("service", request.ServiceId);
        turn.Emit(new Mutation { RemoveService = new RemoveObject { Id = request.ServiceId } });
        return new Wire.RemoveServiceResponse();
    }

    private static void RequireChangeable(Wire.ServiceSpec present, Wire.ServiceSpec wanted)
    {
        // The deprecated place for networks can only be left, not changed: task specs have their own.
#pragma warning disable CS0612
        if (!present.Networks.Equals(wanted.Networks) && present.Task.Networks.Equals(wanted.Task.Networks))
            throw Refusals.Unimplemented("networks must be migrated to TaskSpec before being changed");
#pragma warning restore CS0612
        if (present.ModeCase != wanted.ModeCase)
            throw Refusals.Unimplemented("service mode change is not allowed");
        if (present.Annotations.Name != wanted.Annotations.Name)
            throw Refusals.Unimplemented("renaming services is not supported");
    }

    private static Wire.Service Updated(Wire.Service present, Wire.ServiceSpec spec)
    {
        var service = present.Clone();
        service.PreviousSpec = service.Spec;
        service.PreviousSpecVersion = service.SpecVersion;
        service.Spec = spec.Clone();
        // Null: the state sets it to the version of this change.
        service.SpecVersion = null;
        // Whatever an earlier update came to is history: this one begins (and a paused one goes on).
        service.UpdateStatus = null;
        return service;
    }

    private static Wire.Service RolledBack(Turn turn, Wire.Service present)
    {
        if (present.PreviousSpec is null)
            throw Refusals.FailedPrecondition($"service {present.Id} does not have a previous spec");
        var service = present.Clone();
        (service.Spec, service.PreviousSpec) = (service.PreviousSpec, service.Spec);
        (service.SpecVersion, service.PreviousSpecVersion) = (service.PreviousSpecVersion, service.SpecVersion);
        service.UpdateStatus = new Wire.UpdateStatus
        {
            State = Wire.UpdateStatus.Types.UpdateState.RollbackStarted,
            Message = "manually requested rollback",
            StartedAt = SwarmTime.ToWire(turn.Now),
        };
        return service;
    }

    private static Wire.Service Put(Turn turn, Wire.Service service)
    {
        turn.Emit(new Mutation { PutService = new PutService { Service = service } });
        return turn.State.Services[service.Id];
    }
}
