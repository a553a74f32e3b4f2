namespace Skep.State;

/// <summary>What one mutation did to one object. Old is null when it was created, New when it was removed.</summary>
public abstract record Change;

public sealed record ClusterChange(Wire.Cluster? Old, Wire.Cluster New) : Change;

public sealed record ManagerChange(Manager? Old, Manager? New) : Change;

public sealed record NodeChange(Wire.Node? Old, Wire.Node? New) : Change;

/// <summary>A node's session is with another manager, is another one, or is gone with its node.</summary>
public sealed record SessionChange(HeldSession? Old, HeldSession? New) : Change;

public sealed record ServiceChange(Wire.Service? Old, Wire.Service? New) : Change
{
    /// <summary>What new tasks of the service get from now on; null when it was removed.</summary>
    public TaskSpecRecord? Spec { get; init; }
}

public sealed record NetworkChange(Wire.Network? Old, Wire.Network? New) : Change;

public sealed record SecretChange(Wire.Secret? Old, Wire.Secret? New) : Change;

public sealed record ConfigChange(Wire.Config? Old, Wire.Config? New) : Change;

public sealed record TaskChange(TaskRecord? Old, TaskRecord? New) : Change
{
    public TaskRecord Either => New ?? Old!;
}
