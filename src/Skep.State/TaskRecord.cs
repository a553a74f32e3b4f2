using Google.Protobuf;

namespace Skep.State;

/// <summary>A task as the cluster knows it: immutable, small, and sharing its spec with all tasks of its service version.</summary>
/// <remarks>A record of our own and not the wire's message, since a cluster has up to a million of them.</remarks>
public sealed record TaskRecord
{
    // As the log has them: half of what a DateTimeOffset takes.
    private readonly long _createdAt;
    private readonly long _updatedAt;

    public required string Id { get; init; }

    /// <summary>What to run. Never null; shared between tasks.</summary>
    public required TaskSpecRecord Spec { get; init; }

    /// <summary>The service it belongs to; empty for a network attachment made by <c>docker run --network</c>.</summary>
    public string ServiceId => Spec.ServiceId;

    /// <summary>1.. in a replicated service, 0 in a global one.</summary>
    public ulong Slot { get; init; }

    /// <summary>The node it is assigned to (or, in a global service, made for); empty while it is not.</summary>
    public string NodeId { get; init; } = "";

    public required Wire.TaskState DesiredState { get; init; }

    /// <summary>The latest observed status.</summary>
    public required TaskStatusRecord Status { get; init; }

    public IReadOnlyList<Attachment> Attachments { get; init; } = [];

    /// <summary>The service's endpoint as it was when the task was allocated; null before. Frozen.</summary>
    public Wire.Endpoint? Endpoint { get; init; }

    public IReadOnlyList<Wire.GenericResource> GenericResources { get; init; } = [];

    /// <summary>State version at which the task last changed: the API's Version.Index.</summary>
    public ulong Version { get; init; }

    public DateTimeOffset CreatedAt
    {
        get => SwarmTime.FromLog(_createdAt);
        init => _createdAt = SwarmTime.ToLog(value);
    }

    public DateTimeOffset UpdatedAt
    {
        get => SwarmTime.FromLog(_updatedAt);
        init => _updatedAt = SwarmTime.ToLog(value);
    }

    /// <summary>Where in its service the task stands: a slot of a replicated service, a node of a global one.</summary>
    public SlotKey SlotKey => Slot != 0 ? new SlotKey(Slot, "") : new SlotKey(0, NodeId);

    public Wire.TaskState State => Status.State;

    public bool IsAttachment => Spec.Spec.RuntimeCase == Wire.TaskSpec.RuntimeOneofCase.Attachment;

    /// <summary>The observed state is final: the task does not run and never will again.</summary>
    public bool IsTerminal => Status.State > Wire.TaskState.Running;

    /// <summary>Docker's name of the task: web.1.ID, or web.NODE.ID in a global service.</summary>
    public string Name => ServiceId.Length == 0 ? Id : $"{Spec.ServiceAnnotations.Name}.{(Slot != 0 ? Slot.ToString(System.Globalization.CultureInfo.InvariantCulture) : NodeId)}.{Id}";
}

/// <summary>A place in a service: its slot (replicated) or its node (global).</summary>
public readonly record struct SlotKey(ulong Slot, string NodeId);

/// <summary>The task spec of one version of one service, with its encoded form made once and spliced into every task message.</summary>
public sealed class TaskSpecRecord(string serviceId, ulong version, Wire.Annotations serviceAnnotations, Wire.TaskSpec spec)
{
    private ByteString? _encoded;

    public string ServiceId { get; } = serviceId;

    /// <summary>The service's spec_version that it came from.</summary>
    public ulong Version { get; } = version;

    /// <summary>Frozen.</summary>
    public Wire.Annotations ServiceAnnotations { get; } = serviceAnnotations;

    /// <summary>Frozen.</summary>
    public Wire.TaskSpec Spec { get; } = spec;

    /// <summary>The wire form of <see cref="Spec"/>. Made on first use; two threads may both make it, which is harmless.</summary>
    public ByteString Encoded => _encoded ??= Spec.ToByteString();

    /// <summary>Tasks of either could not be told apart.</summary>
    public bool SameAs(TaskSpecRecord other) => Spec.Equals(other.Spec) && ServiceAnnotations.Equals(other.ServiceAnnotations);
}
