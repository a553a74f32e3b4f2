using System.Buffers;
using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;

namespace Skep.State;

/// <summary>What was observed of a task last: immutable, and 96 bytes where the wire's message with its parts takes 370, since every task has one of its own.</summary>
/// <remarks>
/// The fields hold what a running container's status has. A status that they would not give back as it came (published ports, an id that is not 64 small
/// hexadecimal digits, fields of later versions) is kept as the message.
/// </remarks>
public sealed class TaskStatusRecord
{
    private const int ContainerIdDigits = 64;
    private const int NoTime = -1; // nanoseconds are never negative

    private readonly Wire.TaskStatus? _whole;
    private readonly ContainerId _container; // zero: none
    private readonly long _seconds;
    private readonly int _nanos = NoTime;
    private readonly int _pid;
    private readonly int _exitCode;

    /// <param name="status">Belongs to the record from now on.</param>
    public TaskStatusRecord(Wire.TaskStatus status)
        : this(status, status.Message, status.Err)
    {
    }

    /// <summary>Takes the texts from those that other tasks have too.</summary>
    internal TaskStatusRecord(Wire.TaskStatus status, SharedTexts texts)
        : this(status, texts.Of(status.Message), texts.Of(status.Err))
    {
    }

    private TaskStatusRecord(Wire.TaskStatus status, string message, string error)
    {
        State = status.State;
        Message = message;
        Err = error;
        if (status.Timestamp is { } time)
            (_seconds, _nanos) = (time.Seconds, time.Nanos);
        if (status.Container is { ContainerId.Length: ContainerIdDigits } container && Convert.FromHexString(container.ContainerId, _container, out _, out _) == OperationStatus.Done)
            (_pid, _exitCode) = (container.Pid, container.ExitCode);
        if (!FromFields(new()).Equals(status))
            _whole = status;
    }

    public Wire.TaskState State { get; }

    public string Message { get; }

    /// <summary>Why it is not as it should be; empty: it is.</summary>
    public string Err { get; }

    /// <summary>When a manager took it in; null unless the status says so.</summary>
    public DateTimeOffset? AppliedAt => _whole?.AppliedAt?.ToDateTimeOffset();

    /// <summary>As it came. A message of the caller's own: it may be changed.</summary>
    public Wire.TaskStatus ToWire() => _whole?.Clone() ?? FromFields(new());

    /// <summary>As it came, for who only writes it: it is not to be changed.</summary>
    /// <param name="room">A message that may be filled, for one status after the other.</param>
    internal Wire.TaskStatus ToWire(Wire.TaskStatus room) => _whole ?? FromFields(room);

    /// <summary>It says nothing else than this one does.</summary>
    public bool Says(Wire.TaskStatus status) => State == status.State && (_whole ?? FromFields(new())).Equals(status);

    private Wire.TaskStatus FromFields(Wire.TaskStatus status)
    {
        (status.State, status.Message, status.Err) = (State, Message, Err);
        status.Timestamp = _nanos == NoTime ? null : Filled(status.Timestamp ?? new());
        ReadOnlySpan<byte> id = _container;
        status.Container = id.ContainsAnyExcept((byte)0) ? Filled(status.Container ?? new(), id) : null;
        return status;
    }

    private Timestamp Filled(Timestamp time)
    {
        (time.Seconds, time.Nanos) = (_seconds, _nanos);
        return time;
    }

    private Wire.ContainerStatus Filled(Wire.ContainerStatus container, ReadOnlySpan<byte> id)
    {
        (container.ContainerId, container.Pid, container.ExitCode) = (Convert.ToHexStringLower(id), _pid, _exitCode);
        return container;
    }

    [InlineArray(ContainerIdDigits / 2)]
    private struct ContainerId
    {
        private byte _first;
    }
}
