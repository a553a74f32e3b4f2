using Xunit;

namespace Skep.Simulation.Tests;

/// <summary>Clusters with faults in which nothing may go wrong: some seeds always, some others each time.</summary>
public sealed class SeedTests(ITestOutputHelper output)
{
    private const int FixedSeeds = 8;

    /// <summary>SKEP_SIM_SEEDS widens the search.</summary>
    private static readonly int FreshSeeds = int.TryParse(Environment.GetEnvironmentVariable("SKEP_SIM_SEEDS"), out var seeds) ? seeds : 6;

    [Fact]
    public void Two_seeds_hold() => Hold(1, 2);

    [Fact]
    [Trait("Category", "slow")]
    public void Fixed_seeds_hold() => Hold(101, FixedSeeds);

    [Fact]
    [Trait("Category", "slow")]
    public void Fresh_seeds_hold()
    {
        var first = Environment.TickCount & 0xFFFFFF;
        Console.WriteLine($"simulation: {FreshSeeds} fresh seeds from {first} on (SKEP_SIM_SEEDS runs more)");
        Hold(first, FreshSeeds);
    }

    [Fact]
    public void A_seed_replays_exactly()
    {
        var options = RunOptions.For(3) with { Rounds = 2 };
        var (first, again) = (new Run(options).Go(), new Run(options).Go());
        Assert.Equal(first.TraceHash, again.TraceHash);
        Assert.Equal(first.Steps, again.Steps);
        Assert.NotEqual(first.TraceHash, new Run(RunOptions.For(4) with { Rounds = 2 }).Go().TraceHash);
    }

    private void Hold(int first, int seeds)
    {
        for (var seed = first; seed < first + seeds; seed++)
        {
            var result = new Run(RunOptions.For(seed)).Go();
            output.WriteLine($"seed {seed}: {result.Managers} managers, {result.Simulated.TotalSeconds:0} s, {result.Index} batches");
            Assert.True(result.Failure is null, $"{result.Failure?.Invariant}: {result.Failure?.Message}\nreplay: {Simulate.ReplayCommand(result)}");
        }
    }
}
