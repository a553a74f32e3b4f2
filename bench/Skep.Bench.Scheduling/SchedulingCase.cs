using Skep.Manager;
using Skep.Manager.Scheduling;
using Skep.State;

namespace Skep.Bench.Scheduling;

/// <summary>
/// Tasks that wait for a node, and nodes without tasks: what is measured is SchedulingRule in a SwarmLoop until all tasks are ASSIGNED in the working state
/// and in batches for the log. The tasks are PENDING and noted by the rule before the clock starts; batches are neither encoded nor written.
/// </summary>
/// <param name="Nodes">How many.</param>
/// <param name="Tasks">How many.</param>
/// <param name="Constrained">Tasks need a network plugin that every third node has (SwarmKit's "constraints").</param>
/// <param name="OneOff">Each task is of a service of its own, as SwarmKit's benchmark has it, so that nothing is shared between tasks; else all are of one service.</param>
/// <param name="StockSeconds">What SwarmKit's benchmark takes for it on such a machine, where it was measured.</param>
internal sealed record SchedulingCase(int Nodes, int Tasks, bool Constrained, bool OneOff, double? StockSeconds = null)
{
    /// <summary>The cases of SwarmKit's manager/scheduler/scheduler_test.go (Benchmark…), and a million tasks.</summary>
    public static IReadOnlyList<SchedulingCase> All { get; } =
    [
        .. Both(1_000, 1_000, false), .. Both(1_000, 10_000, false), .. Both(1_000, 100_000, false, 26), .. Both(100_000, 1_000, false, 53), .. Both(100_000, 100_000, false),
        .. Both(1_000, 1_000, true), .. Both(1_000, 10_000, true), .. Both(1_000, 100_000, true, 47), .. Both(5_000, 100_000, true, 175),
        new(100_000, 1_000_000, false, false), new(5_000, 1_000_000, false, false),
    ];

    public string Name => $"{Short(Nodes)}-nodes-{Short(Tasks)}-tasks{(Constrained ? "-constraints" : "")}{(OneOff ? "-one-off" : "")}";

    public Measurement Run(int rounds)
    {
        var pending = Prepare();
        long bytes = 0;
        var (median, _) = Timing.Rounds(rounds, timing =>
        {
            var state = pending.Clone();
            var loop = new SwarmLoop(state, new IdSource(new byte[32]), [new SchedulingRule()], SyntheticCluster.Start);
            bytes = 0;
            while (loop.HasWork)
                bytes += timing.Of(() => loop.Take(SyntheticCluster.Start, []).Batch)?.CalculateSize() ?? 0;
            Check(state);
        });
        return new Measurement("scheduling", Name, median.Seconds, median.CpuSeconds) { Count = Tasks, Bytes = bytes, LongestTurnMs = median.Longest * 1000 };
    }

    private ClusterState Prepare()
    {
        var cluster = new SyntheticCluster();
        string? network = null;
        if (Constrained)
        {
            network = cluster.NewId();
            cluster.Apply(new Mutation
            {
                PutNetwork = new PutNetwork { Network = new Wire.Network { Id = network, Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "net" } }, DriverState = new Wire.Driver { Name = "network" } } },
            });
        }
        cluster.AddNodes(Nodes, (i, node) =>
        {
            if (i % 3 == 0)
                node.Description.Engine.Plugins.Add(new Wire.PluginDescription { Name = "network", Type = "Network" });
        });
        for (var i = 0; i < (OneOff ? Tasks : 1); i++)
            cluster.AddPendingTasks(cluster.AddService($"service{i}"), OneOff ? 1 : Tasks, network);
        return cluster.State;
    }

    private void Check(ClusterState state)
    {
        var placed = state.Tasks.All.Count(t => t.State == Wire.TaskState.Assigned);
        var counts = state.Nodes.Values.Where(n => !Constrained || n.Description.Engine.Plugins.Count > 0).Select(n => state.Tasks.OnNode(n.Id).Count).ToList();
        if (placed != Tasks || counts.Sum() != Tasks || counts.Max() - counts.Min() > 1)
            throw new InvalidOperationException($"{Name}: {placed} of {Tasks} tasks placed, {counts.Min()} to {counts.Max()} on each node that may have them");
    }

    private static IEnumerable<SchedulingCase> Both(int nodes, int tasks, bool constrained, double? stock = null) =>
        [new(nodes, tasks, constrained, OneOff: false, stock), new(nodes, tasks, constrained, OneOff: true, stock)];

    private static string Short(int number) => number % 1_000_000 == 0 ? $"{number / 1_000_000}m" : number % 1_000 == 0 ? $"{number / 1_000}k" : $"{number}";
}
