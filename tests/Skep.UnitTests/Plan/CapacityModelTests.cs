using CsCheck;
using Skep.Cli.Plan;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>What holds of predictions whatever the constants are.</summary>
public sealed class CapacityModelTests
{
    private static readonly CapacityModel Model = Maps.Model;

    private static readonly Gen<Demand> Demands = Gen.Select(Gen.Int[1, 20_000], Gen.Int[0, 2_000_000], Gen.Double[0, 5_000]).Select(d => new Demand(d.Item1, d.Item2, d.Item3));
    private static readonly Gen<int> OddNumbers = Gen.Int[0, 4].Select(n => (2 * n) + 1);

    [Fact]
    public void More_to_carry_never_needs_less() => Gen.Select(Demands, Demands, OddNumbers).Sample((one, more, managers) =>
    {
        var both = new Demand(one.Nodes + more.Nodes, one.Tasks + more.Tasks, one.StartsPerSecond + more.StartsPerSecond);
        Assert.True(IsNoLess(Model.Leader(both, managers, managers), Model.Leader(one, managers, managers)));
        Assert.True(IsNoLess(Model.Follower(both, managers, managers), Model.Follower(one, managers, managers)));
        Assert.True(Model.Disk(both).DiskBytes >= Model.Disk(one).DiskBytes && Model.Disk(both).LogBytesPerDay >= Model.Disk(one).LogBytesPerDay);
        var (large, small) = (Size(both, managers), Size(one, managers));
        Assert.True(large.CoresNeeded >= small.CoresNeeded);
        Assert.True(large.Machine.Cores >= small.Machine.Cores && large.Machine.MemoryGiB >= small.Machine.MemoryGiB && large.Machine.DiskGiB >= small.Machine.DiskGiB);
    });

    [Fact]
    public void A_follower_takes_no_more_than_the_leader() => Gen.Select(Demands, OddNumbers.Where(n => n > 1)).Sample((demand, managers) =>
        IsNoLess(Model.Leader(demand, managers, managers), Model.Follower(demand, managers, managers)));

    [Fact]
    public void Who_is_left_takes_no_less_than_when_all_lived() => Gen.Select(Demands, OddNumbers).Sample((demand, managers) =>
        IsNoLess(Model.Leader(demand, managers, (managers / 2) + 1), Model.Leader(demand, managers, managers)));

    [Fact]
    public void A_machine_has_room_for_what_is_predicted() => Gen.Select(Demands, OddNumbers).Sample((demand, managers) =>
    {
        var size = Size(demand, managers);
        return size.Machine.Cores >= size.Leader.Cores / Sizing.MostUsedAtRest
            && size.Machine.MemoryGiB * (double)(1L << 30) >= size.Leader.MemoryBytes
            && size.Machine.DiskGiB * (double)(1L << 30) >= Model.Disk(demand).DiskBytes;
    });

    [Fact]
    public void The_nodes_of_a_failed_manager_are_what_comes_back()
    {
        // 3,000 nodes on three managers; one fails: its 1,000 go to two. A lone one that restarts sees all of them again.
        var demand = new Demand(3_000, 0, 0);
        Assert.Equal(500 * Model.Costs.ReconnectMs / 1000, Model.ReturnCpuSeconds(demand, 3, 2), 9);
        Assert.Equal(3_000 * Model.Costs.ReconnectMs / 1000, Model.ReturnCpuSeconds(demand, 1, 1), 9);
    }

    [Fact]
    public void A_burst_is_never_faster_than_the_one_thread_that_decides()
    {
        var demand = new Demand(1_000, 100_000, 0);
        var loop = demand.Tasks / Model.MostStartsPerSecond;
        Assert.Equal(loop, Model.StartAllSeconds(demand, 3, cores: 1_000), 9);
        Assert.True(Model.StartAllSeconds(demand, 3, cores: 1) > loop);
    }

    private static Sizing Size(Demand demand, int managers) => new(Model, Maps.Uncertainty, demand, managers);

    private static bool IsNoLess(ManagerLoad one, ManagerLoad other) =>
        one.Cores >= other.Cores && one.MemoryBytes >= other.MemoryBytes && one.NetworkBytesPerSecond >= other.NetworkBytesPerSecond;
}
