using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Skep.Dispatch;
using Skep.Manager;
using Skep.Manager.Allocation;
using Skep.Manager.Enforcement;
using Skep.Manager.Nodes;
using Skep.Manager.Orchestration;
using Skep.Manager.Scheduling;
using Skep.State;

namespace Skep.Bench.State;

/// <summary>
/// What a leader holds of one service's tasks: working and committed state, the rules' notes, what each node was told. A service is
/// scaled from nothing and every engine reports as a stock one does; no network and no disk.
/// </summary>
internal sealed class LeaderCase : IDisposable
{
    private const int StatusesPerTurn = 4_000;

    private readonly SyntheticCluster _cluster = new();
    private readonly StateStore _store = new();
    private readonly SwarmLoop _loop;
    private readonly string _service;
    private readonly Dictionary<string, AssignmentSet> _told = [];
    private readonly int _tasks;
    private DateTimeOffset _now = SyntheticCluster.Start;

    private LeaderCase(StateSize size)
    {
        _tasks = size.Tasks;
        _cluster.AddNodes(size.Nodes);
        _service = _cluster.AddService("web");
        _store.Reset(_cluster.State.Clone());
        _store.Subscribe(OnChanges);
        var messages = new TaskMessages();
        foreach (var node in _cluster.NodeIds)
            _told.Add(node, new AssignmentSet(messages, node, new UrgentTasks()));
        _loop = new SwarmLoop(_cluster.State, new IdSource(new byte[32]),
            [new MissingNodesRule(), .. ServiceRules.Create(), new ConstraintEnforcementRule(), new AllocationRule(), new SchedulingRule()], _now);
    }

    public static Measurement Run(string name, StateSize size, int rounds)
    {
        _ = rounds; // one: what is live does not vary
        using var leader = new LeaderCase(size);
        var timing = new Timing();
        var before = Live();
        foreach (var (what, step) in new (string, Action)[]
        {
            ("assigned", leader.Scale), ("preparing", () => leader.Report(Wire.TaskState.Preparing, "preparing")),
            ("starting", () => leader.Report(Wire.TaskState.Starting, "starting")), ("running", () => leader.Report(Wire.TaskState.Running, "started")),
        })
        {
            timing.Of(() =>
            {
                step();
                return 0;
            });
            var info = GC.GetGCMemoryInfo();
            var line = string.Create(CultureInfo.InvariantCulture, $"heap {info.HeapSizeBytes / 1e6,6:F0} MB, committed {info.TotalCommittedBytes / 1e6,6:F0} MB, most ever {PeakMb(),6:F0} MB, {GC.CollectionCount(0)} collections, pauses {info.PauseTimePercentage:F0} %");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-10} {(double)(Live() - before) / size.Tasks,6:F0} bytes live a task, {line}"));
        }
        var measured = new Measurement("state", name, timing.Seconds, timing.CpuSeconds) { Count = size.Tasks, Bytes = Live() - before, PeakMb = PeakMb() };
        GC.KeepAlive(leader);
        return measured;
    }

    public void Dispose() => _store.Dispose();

    private void Scale()
    {
        var service = _loop.State.Services[_service].Clone();
        service.Spec.Replicated.Replicas = (ulong)_tasks;
        var update = new Wire.UpdateServiceRequest { ServiceId = _service, ServiceVersion = service.Meta.Version, Spec = service.Spec };
        Turn([new ControlCall(update)]);
        while (_loop.HasWork)
            Turn([]);
    }

    private void Report(Wire.TaskState reached, string message)
    {
        var statuses = new List<(string Node, string Task)>();
        foreach (var task in _store.Read(state => state.Tasks.All.Select(t => (t.NodeId, t.Id)).ToList()))
        {
            statuses.Add(task);
            if (statuses.Count < StatusesPerTurn)
                continue;
            Report(statuses, reached, message);
            statuses.Clear();
        }
        Report(statuses, reached, message);
    }

    private void Report(List<(string Node, string Task)> tasks, Wire.TaskState reached, string message) => Turn([new TaskStatusReports(
        [.. tasks.GroupBy(t => t.Node).Select(node => new TaskStatusReport(node.Key, [.. node.Select(t => KeyValuePair.Create(t.Task, Status(t.Task, reached, message)))]))])]);

    // Through its bytes, as it comes from an engine: no two share a string.
    private static Wire.TaskStatus Status(string task, Wire.TaskState reached, string message)
    {
        var status = new Wire.TaskStatus { State = reached, Message = message, Timestamp = Timestamp.FromDateTimeOffset(SyntheticCluster.Start) };
        if (reached == Wire.TaskState.Running)
            status.Container = new Wire.ContainerStatus { ContainerId = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(task))), Pid = 12345 };
        return Wire.TaskStatus.Parser.ParseFrom(status.ToByteArray());
    }

    private void Turn(IReadOnlyList<Input> inputs)
    {
        _now += TimeSpan.FromMilliseconds(50);
        var result = _loop.Take(_now, inputs);
        foreach (var answer in result.Answers)
        {
            if (answer.Refusal is { } refusal)
                throw refusal;
        }
        if (result.Batch is not { } batch)
            return;
        GC.KeepAlive(batch.ToByteArray()); // as the log wants it
        if (!_store.TryTakeOver(result.Made))
            throw new InvalidOperationException("the committed state did not follow");
    }

    private void OnChanges(IReadOnlyList<Change> changes)
    {
        var outgoing = new List<Skep.Dispatch.Outgoing.OutgoingChange>();
        foreach (var change in changes.OfType<TaskChange>())
        {
            if (change.Either.NodeId.Length > 0)
                _store.Read(state => { _told[change.Either.NodeId].Add(state, change.Either.Id, outgoing); return 0; });
        }
    }

    private static long Live() => GC.GetTotalMemory(forceFullCollection: true);

    private static double PeakMb() => Process.GetCurrentProcess().PeakWorkingSet64 / 1e6;
}
