using System.Runtime.InteropServices;
using Google.Protobuf.Collections;
using Skep.State;

namespace Skep.Manager.Scheduling;

/// <summary>One node as the scheduler sees it: what its tasks hold of it, kept up to date by every change of a task.</summary>
internal sealed class NodeLoad(Wire.Node node)
{
    /// <summary>How long a failure counts against a node.</summary>
    public static readonly TimeSpan FailureWindow = TimeSpan.FromMinutes(5);

    /// <summary>A node with so many failures of a service within the window is chosen last for it.</summary>
    public const int MaxFailures = 5;

    private static readonly RepeatedField<Wire.GenericResource> NoResources = [];

    private readonly Dictionary<string, int> _tasksOfService = [];
    private readonly GenericResources _generic = new();
    private Dictionary<(Wire.PortConfig.Types.Protocol, uint), int>? _hostPorts;
    private Dictionary<(string ServiceId, ulong Version), List<DateTimeOffset>>? _failures;
    private long _nanoCpus;
    private long _memoryBytes;

    public Wire.Node Node { get; set; } = node;

    /// <summary>See <see cref="NodeRoles"/>.</summary>
    public Wire.NodeRole Role { get; set; }

    /// <summary>Tasks that run here or are to.</summary>
    public int Tasks { get; private set; }

    /// <summary>Where the <see cref="AssignmentPlan"/> of this turn names it; null while it does not. Here, since to look it up for each task takes longer than to place it.</summary>
    public uint? NumberInPlan { get; set; }

    public bool IsReady =>
        Node.Status?.State == Wire.NodeStatus.Types.State.Ready && Node.Spec?.Availability == Wire.NodeSpec.Types.Availability.Active;

    public int TasksOf(string serviceId) => _tasksOfService.GetValueOrDefault(serviceId);

    public void Add(TaskRecord task) => Add(task, task.GenericResources);

    /// <param name="task">A task that this node is to get.</param>
    /// <param name="genericResources">What it is to get of the node's generic resources.</param>
    public void Add(TaskRecord task, IReadOnlyList<Wire.GenericResource> genericResources)
    {
        Change(task, 1);
        _generic.Take(genericResources);
    }

    public void Remove(TaskRecord task)
    {
        Change(task, -1);
        _generic.Release(task.GenericResources);
    }

    public bool HasEnough(Wire.Resources reserved)
    {
        var all = Node.Description?.Resources;
        if (reserved.NanoCpus > (all?.NanoCpus ?? 0) - _nanoCpus || reserved.MemoryBytes > (all?.MemoryBytes ?? 0) - _memoryBytes)
            return false;
        foreach (var asked in reserved.Generic)
        {
            if (!_generic.HasEnough(all?.Generic ?? NoResources, asked))
                return false;
        }
        return true;
    }

    public List<Wire.GenericResource> ChooseGeneric(RepeatedField<Wire.GenericResource> asked) =>
        _generic.Choose(Node.Description?.Resources?.Generic ?? NoResources, asked);

    public bool UsesHostPort(Wire.PortConfig port) => _hostPorts is not null && _hostPorts.GetValueOrDefault((port.Protocol, port.PublishedPort)) > 0;

    public void AddFailure(TaskSpecRecord spec, DateTimeOffset time)
    {
        _failures ??= [];
        foreach (var (key, times) in _failures)
        {
            times.RemoveAll(t => time - t >= FailureWindow);
            if (times.Count == 0)
                _failures.Remove(key);
        }
        if (!_failures.TryGetValue((spec.ServiceId, spec.Version), out var list))
            _failures[(spec.ServiceId, spec.Version)] = list = [];
        // More than what decides need not be remembered, however fast a service fails.
        if (list.Count >= 2 * MaxFailures)
            list.RemoveAt(0);
        list.Add(time);
    }

    public int RecentFailures(TaskSpecRecord spec, DateTimeOffset now) =>
        _failures is not null && _failures.TryGetValue((spec.ServiceId, spec.Version), out var times) ? times.Count(t => now - t < FailureWindow) : 0;

    private void Change(TaskRecord task, int sign)
    {
        if (task.DesiredState <= Wire.TaskState.Complete)
        {
            Tasks += sign;
            ref var tasks = ref CollectionsMarshal.GetValueRefOrAddDefault(_tasksOfService, task.ServiceId, out _);
            tasks += sign;
            if (tasks == 0)
                _tasksOfService.Remove(task.ServiceId);
        }
        if (task.Spec.Spec.Resources?.Reservations is { } reserved)
        {
            _nanoCpus += sign * reserved.NanoCpus;
            _memoryBytes += sign * reserved.MemoryBytes;
        }
        foreach (var port in HostPorts(task.Endpoint))
        {
            _hostPorts ??= [];
            _hostPorts[(port.Protocol, port.PublishedPort)] = _hostPorts.GetValueOrDefault((port.Protocol, port.PublishedPort)) + sign;
        }
    }

    /// <summary>The ports that a task of this endpoint takes of its node.</summary>
    public static IEnumerable<Wire.PortConfig> HostPorts(Wire.Endpoint? endpoint) =>
        endpoint is null || endpoint.Ports.Count == 0
            ? []
            : endpoint.Ports.Where(p => p.PublishMode == Wire.PortConfig.Types.PublishMode.Host && p.PublishedPort != 0);
}
