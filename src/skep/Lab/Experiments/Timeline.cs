namespace Skep.Cli.Lab.Experiments;

/// <summary>What was seen, when. Times are seconds since the experiment began. Thread-safe.</summary>
internal sealed class Timeline
{
    private readonly Lock _lock = new();
    private readonly List<Point> _running = [];
    private readonly List<Point> _managerCores = [];
    private readonly List<Point> _agentCores = [];
    private readonly List<Point> _serviceList = [];
    private readonly List<Point> _nodeList = [];
    private (double At, double Managers, double Agents)? _lastCpu;

    /// <summary>Tasks RUNNING, as docker service ls counts them.</summary>
    public IReadOnlyList<Point> Running => Copy(_running);

    /// <summary>Cores in use by all managers.</summary>
    public IReadOnlyList<Point> ManagerCores => Copy(_managerCores);

    public IReadOnlyList<Point> AgentCores => Copy(_agentCores);

    /// <summary>Milliseconds that the answer to docker service ls took.</summary>
    public IReadOnlyList<Point> ServiceList => Copy(_serviceList);

    /// <summary>Milliseconds that the answer to docker node ls took.</summary>
    public IReadOnlyList<Point> NodeList => Copy(_nodeList);

    /// <summary>By the agents' own report: name of a state, tasks in it. Set at the end.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Point>> States { get; set; } = new Dictionary<string, IReadOnlyList<Point>>();

    public void AddRunning(double at, double tasks) => Add(_running, at, tasks);

    public void AddServiceList(double at, double milliseconds) => Add(_serviceList, at, milliseconds);

    public void AddNodeList(double at, double milliseconds) => Add(_nodeList, at, milliseconds);

    /// <param name="at">When.</param>
    /// <param name="managers">CPU seconds that all managers have taken so far.</param>
    /// <param name="agents">The same of the agents.</param>
    public void AddCpu(double at, double managers, double agents)
    {
        lock (_lock)
        {
            if (_lastCpu is var (before, managersThen, agentsThen) && at > before)
            {
                _managerCores.Add(new Point(at, (managers - managersThen) / (at - before)));
                _agentCores.Add(new Point(at, (agents - agentsThen) / (at - before)));
            }
            _lastCpu = (at, managers, agents);
        }
    }

    private void Add(List<Point> to, double at, double value)
    {
        lock (_lock)
            to.Add(new Point(at, value));
    }

    private IReadOnlyList<Point> Copy(List<Point> points)
    {
        lock (_lock)
            return [.. points];
    }
}

/// <param name="At">Seconds since the experiment began.</param>
/// <param name="Value">In the unit of what it is a point of.</param>
internal readonly record struct Point(double At, double Value);
