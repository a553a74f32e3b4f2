using Google.Protobuf;

namespace Skep.State;

/// <summary>A state at one moment, taken by reference in a millisecond and written when there is time.</summary>
public sealed class StateSnapshot
{
    /// <summary>The newest format of snapshots that this program understands, and the one that it writes.</summary>
    public const uint Format = 1;

    private readonly SnapshotHeader _header;
    private readonly List<SnapshotRecord> _objects = [];
    private readonly TaskSpecRecord[] _currentSpecs;
    private readonly TaskRecord[] _tasks;

    private StateSnapshot(ClusterState state)
    {
        _header = new SnapshotHeader { Format = Format, Version = state.Version, Time = SwarmTime.ToLog(state.Time) };
        if (state.Cluster is { } cluster) _objects.Add(new SnapshotRecord { Cluster = cluster });
        foreach (var manager in state.Managers.Values) _objects.Add(new SnapshotRecord { Manager = manager });
        foreach (var node in state.Nodes.Values) _objects.Add(new SnapshotRecord { Node = node });
        foreach (var session in state.Sessions.Values) _objects.Add(new SnapshotRecord { Session = session });
        foreach (var service in state.Services.Values) _objects.Add(new SnapshotRecord { Service = service });
        foreach (var network in state.Networks.Values) _objects.Add(new SnapshotRecord { Network = network });
        foreach (var secret in state.Secrets.Values) _objects.Add(new SnapshotRecord { Secret = secret });
        foreach (var config in state.Configs.Values) _objects.Add(new SnapshotRecord { Config = config });
        _currentSpecs = [.. state.Services.Keys.Select(id => state.TaskSpecOf(id)!)];
        _tasks = [.. state.Tasks.All];
    }

    public static StateSnapshot Capture(ClusterState state) => new(state);

    /// <summary>Writes it all; the caller checks sums and syncs.</summary>
    public void WriteTo(Stream stream)
    {
        // One for all records: each has a buffer of 4 KB.
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        ulong records = 0;
        void Write(SnapshotRecord record)
        {
            output.WriteMessage(record);
            records++;
        }

        Write(new SnapshotRecord { Header = _header });
        foreach (var record in _objects)
            Write(record);

        var numbers = new Dictionary<TaskSpecRecord, uint>(ReferenceEqualityComparer.Instance);
        uint NumberOf(TaskSpecRecord spec, bool current)
        {
            if (numbers.TryGetValue(spec, out var number))
                return number;
            number = (uint)numbers.Count;
            numbers.Add(spec, number);
            Write(new SnapshotRecord
            {
                TaskSpec = new StoredTaskSpec
                {
                    Number = number,
                    ServiceId = spec.ServiceId,
                    Version = spec.Version,
                    ServiceAnnotations = spec.ServiceAnnotations,
                    Spec = spec.Spec,
                    Current = current,
                },
            });
            return number;
        }

        foreach (var spec in _currentSpecs)
            NumberOf(spec, current: true);
        // One record for all tasks: objects of their own were a fifth of what a manager threw away while a burst was placed, and each collection stops all else.
        var (stored, status) = (new SnapshotRecord { Task = new StoredTask() }, new Wire.TaskStatus());
        foreach (var task in _tasks)
        {
            Store(task, NumberOf(task.Spec, current: false), stored.Task, status);
            Write(stored);
        }
        output.WriteMessage(new SnapshotRecord { Trailer = new SnapshotTrailer { Records = records } });
    }

    /// <summary>Reads a state back.</summary>
    /// <param name="stream">What <see cref="WriteTo"/> wrote.</param>
    /// <param name="name">What it is called in refusals.</param>
    /// <exception cref="SnapshotDamagedException">It ends early or holds what cannot be.</exception>
    /// <exception cref="StateFormatException">A newer version wrote it.</exception>
    public static ClusterState Read(Stream stream, string name = "snapshot")
    {
        var state = new ClusterState();
        var specs = new Dictionary<uint, TaskSpecRecord>();
        var source = new RecordReader(stream);
        for (ulong records = 0; ; records++)
        {
            var record = ReadRecord(source, records);
            switch (record.KindCase)
            {
                case SnapshotRecord.KindOneofCase.Header when record.Header.Format > Format:
                    throw new StateFormatException(name, record.Header.Format, Format);
                case SnapshotRecord.KindOneofCase.Header:
                    state.Restore(record.Header.Version, SwarmTime.FromLog(record.Header.Time));
                    break;
                case SnapshotRecord.KindOneofCase.Cluster: state.Restore(record.Cluster); break;
                case SnapshotRecord.KindOneofCase.Manager: state.Restore(record.Manager); break;
                case SnapshotRecord.KindOneofCase.Node: state.Restore(record.Node); break;
                case SnapshotRecord.KindOneofCase.Session: state.Restore(record.Session); break;
                case SnapshotRecord.KindOneofCase.Service: state.Restore(record.Service); break;
                case SnapshotRecord.KindOneofCase.Network: state.Restore(record.Network); break;
                case SnapshotRecord.KindOneofCase.Secret: state.Restore(record.Secret); break;
                case SnapshotRecord.KindOneofCase.Config: state.Restore(record.Config); break;
                case SnapshotRecord.KindOneofCase.TaskSpec: RestoreSpec(state, specs, record.TaskSpec); break;
                case SnapshotRecord.KindOneofCase.Task: state.Restore(Load(record.Task, specs, state)); break;
                case SnapshotRecord.KindOneofCase.Trailer when record.Trailer.Records == records: return state;
                case SnapshotRecord.KindOneofCase.Trailer:
                    throw new SnapshotDamagedException($"it holds {records} records, {record.Trailer.Records} were written");
                case SnapshotRecord.KindOneofCase.None:
                default:
                    throw new SnapshotDamagedException($"record {records} is of an unknown kind");
            }
        }
    }

    private static SnapshotRecord ReadRecord(RecordReader source, ulong number)
    {
        try
        {
            return SnapshotRecord.Parser.ParseFrom(source.Next());
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException or EndOfStreamException)
        {
            throw new SnapshotDamagedException($"record {number} cannot be read ({e.Message})");
        }
    }

    private static void RestoreSpec(ClusterState state, Dictionary<uint, TaskSpecRecord> specs, StoredTaskSpec stored)
    {
        var spec = new TaskSpecRecord(stored.ServiceId, stored.Version, stored.ServiceAnnotations ?? new(), stored.Spec ?? new());
        specs.Add(stored.Number, spec);
        if (stored.Current)
            state.RestoreTaskSpec(spec);
    }

    private static void Store(TaskRecord task, uint specNumber, StoredTask stored, Wire.TaskStatus status)
    {
        stored.Id = task.Id;
        stored.SpecNumber = specNumber;
        stored.Slot = task.Slot;
        stored.NodeId = task.NodeId;
        stored.DesiredState = task.DesiredState;
        stored.Status = task.Status.ToWire(status);
        stored.Attachments.Clear();
        stored.Attachments.AddRange(task.Attachments);
        stored.Endpoint = task.Endpoint;
        stored.GenericResources.Clear();
        stored.GenericResources.AddRange(task.GenericResources);
        stored.Version = task.Version;
        stored.CreatedAt = SwarmTime.ToLog(task.CreatedAt);
        stored.UpdatedAt = SwarmTime.ToLog(task.UpdatedAt);
    }

    private static TaskRecord Load(StoredTask stored, Dictionary<uint, TaskSpecRecord> specs, ClusterState state) => new()
    {
        Id = stored.Id,
        Spec = specs.TryGetValue(stored.SpecNumber, out var spec) ? spec : throw new SnapshotDamagedException($"task {stored.Id} names a spec that is not there"),
        Slot = stored.Slot,
        NodeId = state.OwnId(stored.NodeId),
        DesiredState = stored.DesiredState,
        Status = state.NewStatus(stored.Status ?? new()),
        Attachments = state.OwnAttachments(stored.Attachments),
        Endpoint = state.OwnEndpoint(spec.ServiceId, stored.Endpoint),
        GenericResources = stored.GenericResources.Count == 0 ? [] : [.. stored.GenericResources],
        Version = stored.Version,
        CreatedAt = SwarmTime.FromLog(stored.CreatedAt),
        UpdatedAt = SwarmTime.FromLog(stored.UpdatedAt),
    };
}
