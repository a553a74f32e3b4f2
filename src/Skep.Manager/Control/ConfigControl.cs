using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker config create, update, rm.</summary>
internal static class ConfigControl
{
    private const int MaxSize = 1000 * 1024;

    public static Wire.CreateConfigResponse Create(Turn turn, Wire.CreateConfigRequest request)
    {
        var spec = request.Spec ?? throw Refusals.InvalidArgument();
        Names.RequireFileName(spec.Annotations);
        if (spec.Data.Length is < 1 or >= MaxSize)
            throw Refusals.InvalidArgument($"config data must be larger than 0 and less than {MaxSize} bytes");
        if (turn.State.Configs.Values.Any(config => Names.AreSame(config.Spec.Annotations.Name, spec.Annotations.Name)))
            throw Refusals.AlreadyExists($"config {spec.Annotations.Name} already exists");
        return new Wire.CreateConfigResponse { Config = Put(turn, new Wire.Config { Id = turn.Ids.NextId(), Spec = spec.Clone() }) };
    }

    public static Wire.UpdateConfigResponse Update(Turn turn, Wire.UpdateConfigRequest request)
    {
        if (request.ConfigId.Length == 0 || request.ConfigVersion is null || request.Spec is null)
            throw Refusals.InvalidArgument();
        var present = turn.State.Configs.GetValueOrDefault(request.ConfigId) ?? throw Refusals.NotFound("config", request.ConfigId);
        var sameData = request.Spec.Data.IsEmpty || request.Spec.Data.Equals(present.Spec.Data);
        if (present.Spec.Annotations.Name != request.Spec.Annotations?.Name || !sameData)
            throw Refusals.InvalidArgument("only updates to Labels are allowed");
        Refusals.ThrowIfOutOfSequence(request.ConfigVersion, present.Meta);
        var config = present.Clone();
        config.Spec.Annotations.Labels.Clear();
        config.Spec.Annotations.Labels.Add(request.Spec.Annotations.Labels);
        return new Wire.UpdateConfigResponse { Config = Put(turn, config) };
    }

    public static Wire.RemoveConfigResponse Remove(Turn turn, Wire.RemoveConfigRequest request)
    {
        if (request.ConfigId.Length == 0)
            throw Refusals.InvalidArgument("config ID must be provided");
        var config = turn.State.Configs.GetValueOrDefault(request.ConfigId)
            ?? throw new ControlException(ControlError.NotFound, $"could not find config {request.ConfigId}");
        var users = turn.State.Services.Values
            .Where(service => service.Spec.Task?.Container?.Configs.Any(reference => reference.ConfigId == config.Id) == true)
            .Select(service => service.Spec.Annotations.Name).ToList();
        if (users.Count > 0)
            throw Refusals.InvalidArgument($"config '{config.Spec.Annotations.Name}' is in use by the following service{(users.Count == 1 ? "" : "s")}: {string.Join(", ", users)}");
        turn.Emit(new Mutation { RemoveConfig = new RemoveObject { Id = config.Id } });
        return new Wire.RemoveConfigResponse();
    }

    private static Wire.Config Put(Turn turn, Wire.Config config)
    {
        turn.Emit(new Mutation { PutConfig = new PutConfig { Config = config } });
        return turn.State.Configs[config.Id];
    }
}
