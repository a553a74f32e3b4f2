using System.Diagnostics;
using System.Globalization;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>
/// Real managers under faults by chance, with writers at all of them and simulated engines at work. SKEP_FAULT_MINUTES makes each run so long (default: half
/// a minute), SKEP_FAULT_SEED repeats the faults of a run.
/// </summary>
[Trait("Category", "slow")]
public sealed class ManagerFaultsTests
{
    private static readonly int Seed = Number("SKEP_FAULT_SEED") is { } seed ? (int)seed : Random.Shared.Next(1_000_000);
    private static readonly double? Minutes = Number("SKEP_FAULT_MINUTES");

    [Theory]
    [InlineData(3, 30)]
    [InlineData(5, 20)]
    public async Task Whatever_happens_to_managers_nothing_acknowledged_is_lost(int count, int seconds)
    {
        Assert.SkipWhen(LoneManagers.WhyUnavailable() is not null, LoneManagers.WhyUnavailable() ?? "");
        await using var managers = await LoneManagers.UpAsync(count, smallDisk: true);
        var faults = new ManagerFaults(managers, Seed);
        using var run = await FaultRun.StartAsync(managers, Seed);
        Console.WriteLine($"    {count} managers, SKEP_FAULT_SEED={Seed}");
        try
        {
            var limit = Minutes is { } minutes ? TimeSpan.FromMinutes(minutes) : TimeSpan.FromSeconds(seconds);
            var clock = Stopwatch.StartNew();
            await faults.FillDiskAsync();
            while (clock.Elapsed < limit)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
                await faults.InjectAsync();
            }
            var end = await run.EndAsync();
            Console.WriteLine($"    measured: {count} managers, {faults.Count} faults in {clock.Elapsed.TotalSeconds:0} s: {end}");
        }
        catch (Exception)
        {
            Console.WriteLine("    " + string.Join("\n    ", faults.Story));
            throw;
        }
    }

    private static double? Number(string variable) => double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
