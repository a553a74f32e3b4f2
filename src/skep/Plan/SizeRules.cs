namespace Skep.Cli.Plan;

/// <summary>
/// The seed's rules on machines, tried on the load of the seed's own experiments: Swarm2k's 100,000 tasks on 2,300 nodes, Swarm3k's 47,000 starts in
/// half an hour on 4,700.
/// </summary>
internal sealed class SizeRules(CapacityModel model, Uncertainty uncertainty)
{
    private const double TasksPerNode = 100_000.0 / 2_300;
    private const double StartsPerSecondPerNode = 47_000.0 / 1_800 / 4_700;
    private const int Managers = 3;
    private const int MostNodes = 10_000_000;

    public static Demand SeedLoad(int nodes) => new(nodes, (int)Math.Min(int.MaxValue, nodes * TasksPerNode), nodes * StartsPerSecondPerNode);

    public SeedRule SmallMachines => Judge("8 vCPU for managers up to 1,000 nodes", 1_000, leastVCpu: 8, mostVCpu: 8);

    public SeedRule LargeMachines => Judge("16 to 20 vCPU above 2,000 nodes", 4_700, leastVCpu: 16, mostVCpu: 20);

    /// <summary>A machine that stands idle in the cluster, against what its manager needs at its worst moment.</summary>
    public SeedRule Drained
    {
        get
        {
            var few = DrainingPaysFrom();
            var (small, large) = (Share(few > 1 ? few - 1 : 1), Share(4_700));
            var figure = $"draining {Managers} managers takes {Percent(large.Drained)} of 4,700 nodes, a manager needs up to {Percent(large.Needed)} of its machine while the nodes of a failed one come over; "
                + (few > MostNodes ? "it never pays" : $"with {Words.Number(Math.Max(1, few - 1))} nodes it is {Percent(small.Drained)} against {Percent(small.Needed)}: it pays from {Words.Number(few)} nodes on");
            return new SeedRule("every manager drained", figure, few <= 1 ? Verdict.Holds : few > MostNodes ? Verdict.Refuted : Verdict.HoldsInPart);
        }
    }

    /// <summary>The fewest nodes from which on a manager needs more than so many cores.</summary>
    public int NodesNeedingMoreThan(double cores) => First(nodes => Size(nodes).CoresNeeded > cores);

    private SeedRule Judge(string rule, int nodes, int leastVCpu, int mostVCpu)
    {
        var needed = Size(nodes).CoresNeeded;
        var size = Size(nodes).Machine.Cores;
        // The next smaller machine would do: the rule asks for more than there is use for.
        var verdict = size < leastVCpu || needed > mostVCpu ? Verdict.Refuted : Verdict.Holds;
        var from = NodesNeedingMoreThan(leastVCpu / 2.0);
        var (burst, faster) = (StartAll(nodes, size), StartAll(nodes, leastVCpu));
        var figure = $"at {Words.Number(nodes)} nodes {Words.Cores(needed)} cores are needed, uncertainty included: {size} vCPU; "
            + (from > MostNodes ? $"{leastVCpu} vCPU are never needed" : $"{leastVCpu} vCPU are needed from {Words.Number(from)} nodes on")
            + (size < leastVCpu ? $" (here if CPU costs {Words.Number(leastVCpu / 2.0 / needed, "0.0")} times what is reckoned with)" : "")
            + $"; all {Words.Number(SeedLoad(nodes).Tasks)} tasks at once take {Words.Seconds(burst)} on {size} vCPU, {Words.Seconds(faster)} on {leastVCpu}";
        return new SeedRule(rule, figure, verdict);
    }

    private int DrainingPaysFrom() => First(nodes => Share(nodes) is var share && share.Drained <= share.Needed);

    // Of the whole cluster what draining takes; of a manager's machine what it needs at its worst moment.
    private (double Drained, double Needed) Share(int nodes)
    {
        var size = Size(nodes);
        return ((double)Managers / (Managers + nodes), Math.Min(1, size.CoresNeeded / size.Machine.Cores));
    }

    private double StartAll(int nodes, int cores) => model.StartAllSeconds(SeedLoad(nodes), Managers, cores);

    private Sizing Size(int nodes) => new(model, uncertainty, SeedLoad(nodes), Managers);

    // Holds from some number of nodes on: more nodes never need less.
    private static int First(Func<int, bool> holds)
    {
        var (low, high) = (0, MostNodes + 1);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            if (holds(middle))
                high = middle;
            else
                low = middle;
        }
        return high;
    }

    private static string Percent(double share) => Words.Number(share * 100, share < 0.01 ? "0.00" : "0") + " %";
}
