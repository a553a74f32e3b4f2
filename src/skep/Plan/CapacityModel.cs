namespace Skep.Cli.Plan;

/// <summary>
/// What managers take, as sums of measured constants. Every manager holds the whole state and writes the whole log; sessions of nodes are divided among
/// the managers that live; only the leader decides.
/// </summary>
internal sealed class CapacityModel(MeasuredCosts measured)
{
    // Engines' default; the constant per heartbeat is per this interval too.
    private const double HeartbeatSeconds = 5;

    // Skep.Log's ReplicaOptions: a snapshot after so many entries, or so many bytes, or as many as the last one had.
    private const double SnapshotEntries = 10_000;
    private const double SnapshotLogBytes = 16 << 20;
    private const double SegmentBytes = 16 << 20;
    private const double SecondsPerDay = 86_400;

    public CostTable Costs { get; } = measured.Costs;

    /// <param name="managers">Voters.</param>
    /// <param name="alive">So many of them live and share the sessions; at least 1.</param>
    public ManagerLoad Leader(Demand demand, int managers, int alive) => Load(demand, managers, alive, isLeader: true);

    public ManagerLoad Follower(Demand demand, int managers, int alive) => Load(demand, managers, alive, isLeader: false);

    public DiskLoad Disk(Demand demand)
    {
        var log = demand.StartsPerSecond * SecondsPerDay * Costs.LifeLogBytes;
        var snapshot = (demand.Tasks * Costs.TaskSnapshotBytes) + (demand.Nodes * Costs.NodeSnapshotBytes);
        var logBetween = Math.Max(SnapshotLogBytes, snapshot);
        var perDay = Math.Max(log / logBetween, demand.StartsPerSecond * SecondsPerDay * Costs.LifeEntries / SnapshotEntries);
        // The newest snapshot, the next one being written, the log since, and the segments at both its ends.
        return new DiskLoad(log, snapshot, perDay, (2 * snapshot) + logBetween + (2 * SegmentBytes));
    }

    /// <summary>Task starts that the leader's loop, one thread, can decide in a second.</summary>
    public double MostStartsPerSecond => 1000 / Costs.StartLeaderMs;

    /// <summary>
    /// CPU on one of <paramref name="alive"/> managers when the nodes of those that failed all come to the ones that live; when none fails, when
    /// all of its own come back, as after a restart.
    /// </summary>
    public double ReturnCpuSeconds(Demand demand, int managers, int alive)
    {
        var perManager = (double)demand.Nodes / alive;
        var hadBefore = alive < managers ? (double)demand.Nodes / managers : 0;
        return (perManager - hadBefore) * Costs.ReconnectMs / 1000;
    }

    /// <summary>Until all tasks, created at once, run, as far as the managers are concerned, in seconds.</summary>
    public double StartAllSeconds(Demand demand, int managers, double cores)
    {
        var total = demand.Tasks * (Costs.StartLeaderMs + Costs.StartReplicaMs + (Costs.StartSessionMs / managers)) / 1000;
        return Math.Max(demand.Tasks * Costs.StartLeaderMs / 1000, total / cores);
    }

    /// <summary>Until all nodes have joined one manager, in seconds.</summary>
    public double JoinAllSeconds(Demand demand, double cores) => demand.Nodes * Costs.JoinMs / 1000 / cores;

    private ManagerLoad Load(Demand demand, int managers, int alive, bool isLeader)
    {
        var sessions = (double)demand.Nodes / alive;
        var starts = demand.StartsPerSecond;
        var startMs = Costs.StartReplicaMs + (Costs.StartSessionMs / alive) + (isLeader ? Costs.StartLeaderMs : 0);
        var cores = Costs.ManagerIdleCores + (managers > 1 ? Costs.GroupIdleCores : 0) + (sessions * Costs.SessionCores) + (starts * startMs / 1000);

        // The leader's working state is a second table of references to the same objects; what that adds is within the uncertainty.
        var memory = Costs.BaseMemoryBytes + (sessions * Costs.SessionMemoryBytes) + (demand.Nodes * Costs.NodeMemoryBytes) + (demand.Tasks * Costs.TaskMemoryBytes);

        var replicated = starts * Costs.LifeLogBytes;
        var network = (sessions * Costs.HeartbeatWireBytes / HeartbeatSeconds) + (starts / alive * Costs.LifeWireBytes) + (replicated * (isLeader ? managers - 1 : 1));
        return new ManagerLoad(cores, memory, network);
    }
}
