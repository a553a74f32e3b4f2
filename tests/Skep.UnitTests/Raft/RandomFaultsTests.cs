using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>
/// Groups under random faults, many seeds: messages are lost, doubled and overtake each other; the network splits and heals;
/// members crash at every point of a Ready and come back with what was on their disks; logs are compacted; members join and leave.
/// What must never happen is checked all along, and at the end, with the faults gone, everyone must agree again.
/// </summary>
public class RandomFaultsTests
{
    [Fact]
    public void Under_any_fault_nothing_committed_is_lost_and_nobody_disagrees()
    {
        var seeds = int.Parse(Environment.GetEnvironmentVariable("SKEP_RAFT_SEEDS") ?? "200", System.Globalization.CultureInfo.InvariantCulture);
        var (committed, changes, snapshots, leaders) = (0, 0, 0, 0);
        Parallel.For(0, seeds, seed =>
        {
            var run = new FaultyRun(seed);
            try
            {
                run.Go();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, step {run.Step}: {e.Message}", e);
            }
            Interlocked.Add(ref committed, run.Committed);
            Interlocked.Add(ref changes, run.ConfChanges);
            Interlocked.Add(ref snapshots, run.Snapshots);
            Interlocked.Add(ref leaders, run.Leaders);
        });
        TestContext.Current.SendDiagnosticMessage($"{seeds} runs: {committed} entries committed, {changes} changes, {snapshots} snapshots, {leaders} leaders");
        // The faults must not be so hard that nothing happens.
        Assert.True(committed > 20 * seeds, $"only {committed} entries committed");
        Assert.True(changes > seeds, $"only {changes} membership changes");
        Assert.True(snapshots > seeds, $"only {snapshots} snapshots installed");
        Assert.True(leaders > 3 * seeds, $"only {leaders} elections won");
    }
}
