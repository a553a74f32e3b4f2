using System.Diagnostics;

namespace Skep.EndToEnd.Lab;

/// <summary>Faults by chance from a seed, one after the other, each healed before the next.</summary>
/// <param name="managers">Whose.</param>
/// <param name="seed">The same faults in the same order; what they meet is the machine's chance.</param>
public sealed class ManagerFaults(LoneManagers managers, int seed)
{
    /// <summary>From what an election would go without to what an engine gives up.</summary>
    private static readonly (double Least, double Most) HoldSeconds = (1.5, 6);

    private readonly Random _random = new(seed);
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public int Count { get; private set; }

    /// <summary>What was done and when, for whoever reads a failure.</summary>
    public List<string> Story { get; } = [];

    /// <summary>One fault, of any kind.</summary>
    public Task InjectAsync() => _random.Next(10) switch
    {
        0 or 1 => KillAsync(ofLeader: false),
        2 => KillAsync(ofLeader: true),
        3 => KillAllAsync(),
        4 => FreezeAsync(ofLeader: false),
        5 => FreezeAsync(ofLeader: true),
        6 => IsolateAsync(),
        7 => CutOneWayAsync(),
        8 => CutLeaderFromMajorityAsync(),
        _ => managers.SmallDisk is null ? IsolateAsync() : FillDiskAsync(),
    };

    /// <summary>kill -9 and a restart.</summary>
    public async Task KillAsync(bool ofLeader)
    {
        var victim = await VictimAsync(leads: ofLeader);
        Tell($"kill {victim}");
        await managers.KillAsync(victim);
        await Task.Delay(TimeSpan.FromSeconds(_random.NextDouble() * 2));
        await managers.StartAsync(victim);
    }

    private async Task KillAllAsync()
    {
        Tell("kill all");
        await Task.WhenAll(managers.Names.Select(managers.KillAsync));
        await Task.WhenAll(managers.Names.Select(managers.StartAsync));
    }

    private async Task FreezeAsync(bool ofLeader)
    {
        var victim = await VictimAsync(leads: ofLeader);
        Tell($"freeze {victim}");
        await managers.FreezeAsync(victim);
        await HoldAsync();
        await managers.ThawAsync(victim);
    }

    private async Task IsolateAsync()
    {
        var victim = Any();
        Tell($"isolate {victim}");
        await managers.IsolateAsync(victim);
        await HoldAsync();
        await managers.HealAsync();
    }

    private async Task CutOneWayAsync()
    {
        var from = Any();
        var to = managers.Names.Where(name => name != from).ElementAt(_random.Next(managers.Names.Count - 1));
        Tell($"cut from {from} to {to}");
        await managers.CutAsync(from, to);
        await HoldAsync();
        await managers.HealAsync();
    }

    private async Task CutLeaderFromMajorityAsync()
    {
        var leader = await VictimAsync(leads: true);
        var majority = managers.Names.Where(name => name != leader).Take((managers.Names.Count / 2) + 1).ToList();
        Tell($"cut leader {leader} from {string.Join(", ", majority)}");
        foreach (var other in majority)
        {
            await managers.CutAsync(leader, other);
            await managers.CutAsync(other, leader);
        }
        await HoldAsync();
        await managers.HealAsync();
    }

    /// <summary>It must end with one clear line, and come back when there is space again.</summary>
    public async Task FillDiskAsync()
    {
        var victim = managers.SmallDisk!;
        Tell($"fill the disk of {victim}");
        var before = managers.Log(victim).Length;
        await managers.FillDiskAsync();
        for (var clock = Stopwatch.StartNew(); await managers.RunsAsync(victim); await Task.Delay(100))
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(20))
                throw new InvalidOperationException($"{victim} goes on though its disk is full:\n{managers.Log(victim)[before..]}");
        }
        var said = managers.Log(victim)[before..].Split('\n').Where(line => line.StartsWith("skepd: ", StringComparison.Ordinal)).ToList();
        if (said is not [var line] || !line.Contains("No space left on device", StringComparison.Ordinal))
            throw new InvalidOperationException($"{victim} did not say in one line why it ended:\n{managers.Log(victim)[before..]}");
        await managers.KillAsync(victim); // only to forget its process id
        await managers.EmptyDiskAsync();
        await managers.StartAsync(victim);
    }

    private string Any() => managers.Names[_random.Next(managers.Names.Count)];

    private async Task<string> VictimAsync(bool leads) => (leads ? await managers.LeaderAsync() : null) ?? Any();

    private Task HoldAsync() => Task.Delay(TimeSpan.FromSeconds(HoldSeconds.Least + (_random.NextDouble() * (HoldSeconds.Most - HoldSeconds.Least))));

    private void Tell(string what)
    {
        Count++;
        Story.Add($"{_clock.Elapsed.TotalSeconds:0.0} s: {what}");
    }
}
