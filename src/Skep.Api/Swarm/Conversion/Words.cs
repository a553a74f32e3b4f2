namespace Skep.Api.Swarm.Conversion;

/// <summary>The API's words for the values of one of the wire's enums. Read whatever their case.</summary>
internal sealed class Words<T>
    where T : struct, Enum
{
    private readonly Dictionary<T, string> _words = [];
    private readonly Dictionary<string, T> _values = new(StringComparer.OrdinalIgnoreCase);

    public Words(params ReadOnlySpan<(T Value, string Word)> pairs)
    {
        foreach (var (value, word) in pairs)
        {
            _words.Add(value, word);
            _values.Add(word, value);
        }
    }

    /// <summary>The word; empty for a value this version does not know.</summary>
    public string Of(T value) => _words.GetValueOrDefault(value, "");

    public bool TryParse(string word, out T value) => _values.TryGetValue(word, out value);

    /// <summary>The value of a word; the first (0) for an empty one.</summary>
    /// <exception cref="ApiException">400, with stock's words: invalid WHAT: "word".</exception>
    public T Parse(string word, string what)
    {
        if (word.Length == 0)
            return default;
        return TryParse(word, out var value) ? value : throw new ApiException(400, $"invalid {what}: \"{word}\"");
    }
}

/// <summary>All of them.</summary>
internal static class Words
{
    public static readonly Words<Wire.TaskState> TaskState = new(
        (Wire.TaskState.New, "new"), (Wire.TaskState.Pending, "pending"), (Wire.TaskState.Assigned, "assigned"), (Wire.TaskState.Accepted, "accepted"),
        (Wire.TaskState.Preparing, "preparing"), (Wire.TaskState.Ready, "ready"), (Wire.TaskState.Starting, "starting"), (Wire.TaskState.Running, "running"),
        (Wire.TaskState.Complete, "complete"), (Wire.TaskState.Shutdown, "shutdown"), (Wire.TaskState.Failed, "failed"), (Wire.TaskState.Rejected, "rejected"),
        (Wire.TaskState.Remove, "remove"), (Wire.TaskState.Orphaned, "orphaned"));

    public static readonly Words<Wire.NodeRole> Role = new((Wire.NodeRole.Worker, "worker"), (Wire.NodeRole.Manager, "manager"));

    public static readonly Words<Wire.NodeSpec.Types.Availability> Availability = new(
        (Wire.NodeSpec.Types.Availability.Active, "active"), (Wire.NodeSpec.Types.Availability.Pause, "pause"), (Wire.NodeSpec.Types.Availability.Drain, "drain"));

    public static readonly Words<Wire.NodeSpec.Types.Membership> Membership = new(
        (Wire.NodeSpec.Types.Membership.Pending, "pending"), (Wire.NodeSpec.Types.Membership.Accepted, "accepted"));

    public static readonly Words<Wire.NodeStatus.Types.State> NodeState = new(
        (Wire.NodeStatus.Types.State.Unknown, "unknown"), (Wire.NodeStatus.Types.State.Down, "down"), (Wire.NodeStatus.Types.State.Ready, "ready"),
        (Wire.NodeStatus.Types.State.Disconnected, "disconnected"));

    public static readonly Words<Wire.PortConfig.Types.Protocol> Protocol = new(
        (Wire.PortConfig.Types.Protocol.Tcp, "tcp"), (Wire.PortConfig.Types.Protocol.Udp, "udp"), (Wire.PortConfig.Types.Protocol.Sctp, "sctp"));

    public static readonly Words<Wire.PortConfig.Types.PublishMode> PublishMode = new(
        (Wire.PortConfig.Types.PublishMode.Ingress, "ingress"), (Wire.PortConfig.Types.PublishMode.Host, "host"));

    public static readonly Words<Wire.EndpointSpec.Types.ResolutionMode> ResolutionMode = new(
        (Wire.EndpointSpec.Types.ResolutionMode.Vip, "vip"), (Wire.EndpointSpec.Types.ResolutionMode.Dnsrr, "dnsrr"));

    public static readonly Words<Wire.RestartPolicy.Types.RestartCondition> RestartCondition = new(
        (Wire.RestartPolicy.Types.RestartCondition.None, "none"), (Wire.RestartPolicy.Types.RestartCondition.OnFailure, "on-failure"),
        (Wire.RestartPolicy.Types.RestartCondition.Any, "any"));

    public static readonly Words<Wire.UpdateConfig.Types.FailureAction> FailureAction = new(
        (Wire.UpdateConfig.Types.FailureAction.Pause, "pause"), (Wire.UpdateConfig.Types.FailureAction.Continue, "continue"),
        (Wire.UpdateConfig.Types.FailureAction.Rollback, "rollback"));

    public static readonly Words<Wire.UpdateConfig.Types.UpdateOrder> UpdateOrder = new(
        (Wire.UpdateConfig.Types.UpdateOrder.StopFirst, "stop-first"), (Wire.UpdateConfig.Types.UpdateOrder.StartFirst, "start-first"));

    public static readonly Words<Wire.UpdateStatus.Types.UpdateState> UpdateState = new(
        (Wire.UpdateStatus.Types.UpdateState.Updating, "updating"), (Wire.UpdateStatus.Types.UpdateState.Paused, "paused"),
        (Wire.UpdateStatus.Types.UpdateState.Completed, "completed"), (Wire.UpdateStatus.Types.UpdateState.RollbackStarted, "rollback_started"),
        (Wire.UpdateStatus.Types.UpdateState.RollbackPaused, "rollback_paused"), (Wire.UpdateStatus.Types.UpdateState.RollbackCompleted, "rollback_completed"));

    public static readonly Words<Wire.Mount.Types.Type> MountType = new(
        (Wire.Mount.Types.Type.Bind, "bind"), (Wire.Mount.Types.Type.Volume, "volume"), (Wire.Mount.Types.Type.Tmpfs, "tmpfs"),
        (Wire.Mount.Types.Type.Npipe, "npipe"), (Wire.Mount.Types.Type.Cluster, "cluster"));

    public static readonly Words<Wire.Mount.Types.BindOptions.Types.Propagation> Propagation = new(
        (Wire.Mount.Types.BindOptions.Types.Propagation.Rprivate, "rprivate"), (Wire.Mount.Types.BindOptions.Types.Propagation.Private, "private"),
        (Wire.Mount.Types.BindOptions.Types.Propagation.Rshared, "rshared"), (Wire.Mount.Types.BindOptions.Types.Propagation.Shared, "shared"),
        (Wire.Mount.Types.BindOptions.Types.Propagation.Rslave, "rslave"), (Wire.Mount.Types.BindOptions.Types.Propagation.Slave, "slave"));

    public static readonly Words<Wire.ContainerSpec.Types.Isolation> Isolation = new(
        (Wire.ContainerSpec.Types.Isolation.Default, "default"), (Wire.ContainerSpec.Types.Isolation.Process, "process"),
        (Wire.ContainerSpec.Types.Isolation.Hyperv, "hyperv"));

    public static readonly Words<Wire.Privileges.Types.SeccompOpts.Types.SeccompMode> SeccompMode = new(
        (Wire.Privileges.Types.SeccompOpts.Types.SeccompMode.Default, "default"), (Wire.Privileges.Types.SeccompOpts.Types.SeccompMode.Unconfined, "unconfined"),
        (Wire.Privileges.Types.SeccompOpts.Types.SeccompMode.Custom, "custom"));

    public static readonly Words<Wire.Privileges.Types.AppArmorOpts.Types.AppArmorMode> AppArmorMode = new(
        (Wire.Privileges.Types.AppArmorOpts.Types.AppArmorMode.Default, "default"), (Wire.Privileges.Types.AppArmorOpts.Types.AppArmorMode.Disabled, "disabled"));
}
