using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What several managers promise, at full size: run by bench/managers, since each takes minutes and is worth something only on a quiet machine.</summary>
public sealed class ManagerFiguresTests : IAsyncLifetime
{
    private static readonly TimeSpan JoinLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(6);

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(LoneManagers.WhyUnavailable() is not null, LoneManagers.WhyUnavailable() ?? "");
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact(Explicit = true)]
    public async Task Failover()
    {
        var (count, tasks) = (Number("SKEP_AGENTS", 1000), Number("SKEP_TASKS", 70_000));
        await using var managers = await LoneManagers.UpAsync(3);
        using var agents = await JoinAsync(managers, count);
        await managers.CreateServiceAsync("h1", "web", 0);
        var leader = (await managers.LeaderAsync())!;
        var others = managers.Names.Where(name => name != leader).ToList();
        var written = new List<string>();

        using var process = await managers.ProcessAsync(leader);
        var scaled = Stopwatch.StartNew();
        await managers.ScaleAsync(others[0], "web", tasks);
        // In the middle: some run, most are not even placed.
        while (await RunningAsync(managers, others[0], "web") < tasks / 20)
            written.Add(await WriteAsync(managers, leader, $"before-{written.Count}"));
        var runningThen = await RunningAsync(managers, others[0], "web");
        var load = Load();
        var killed = Stopwatch.StartNew();
        process.Kill();
        var seconds = await UntilWrittenAsync(managers, others, killed);
        for (var i = 0; i < 20; i++)
            written.Add(await WriteAsync(managers, others[i % 2], $"after-{i}"));
        await managers.KillAsync(leader);
        await managers.StartAsync(leader);

        var report = await agents.WaitForReportAsync($"{tasks} tasks to run", RunLimit, report => SimulatedAgents.Tasks(report, "running") == tasks);
        var allRunning = scaled.Elapsed.TotalSeconds;
        await HeardAsync(managers, leader, tasks);
        await managers.WholeAsync(TimeSpan.FromSeconds(60));
        await StateComparison.CompareAsync(managers, TimeSpan.FromMinutes(2));
        var services = (await managers.GetAsync(leader, "/services")).AsArray().Select(s => s!["Spec"]!["Name"]!.GetValue<string>()).ToHashSet();
        Assert.Empty(written.Except(services));
        Measured($"failover with {tasks} tasks, {count} engines, 3 managers: leader killed at {runningThen} running; a write taken {seconds:0.00} s after the kill; "
            + $"all running {allRunning:0} s after the scale command; lost {written.Except(services).Count()} of {written.Count} writes, restarted {report["tasks_restarted"]}, removed {report["tasks_removed_while_wanted"]}, "
            + $"late heartbeats {report["late_heartbeats"]}, reconnects {report["reconnects"]}", load);
        Assert.Equal(0, report["tasks_restarted"]!.GetValue<int>());
        Assert.Equal(0, report["tasks_removed_while_wanted"]!.GetValue<int>());
        Assert.True(seconds <= 2, $"a new leader took a write after {seconds:0.00} s");
    }

    [Fact(Explicit = true)]
    public async Task Kills()
    {
        var kills = Number("SKEP_KILLS", 100);
        await using var managers = await LoneManagers.UpAsync(3);
        var faults = new ManagerFaults(managers, seed: 1);
        using var run = await FaultRun.StartAsync(managers, seed: 1);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < kills; i++)
        {
            await faults.KillAsync(ofLeader: i % 2 == 0);
            await Task.Delay(200);
        }
        var load = Load();
        Measured($"{kills} kills in a row, 3 managers, {clock.Elapsed.TotalSeconds:0} s: {await run.EndAsync()}", load);
    }

    [Fact(Explicit = true)]
    public async Task Restart()
    {
        var (count, tasks) = (Number("SKEP_AGENTS", 500), Number("SKEP_TASKS", 100_000));
        await using var managers = await LoneManagers.UpAsync(3);
        using var agents = await RunAsync(managers, count, tasks);
        var longest = 0.0;
        var each = new List<string>();
        var load = Load();
        for (var i = 0; i < 3; i++)
        {
            var name = managers.Names[i];
            await managers.KillAsync(name);
            // Its engines report all their tasks anew to the other managers, one call each, on the same two cores.
            await Task.Delay(TimeSpan.FromSeconds(10));
            var clock = Stopwatch.StartNew();
            await managers.LaunchAsync(name);
            await managers.AnswersAsync(name, "/v1.41/nodes", RunLimit);
            await managers.AnswersAsync(name, "/v1.41/services?status=true", RunLimit);
            longest = Math.Max(longest, clock.Elapsed.TotalSeconds);
            each.Add(clock.Elapsed.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture));
            await HeardAsync(managers, name, tasks);
            await managers.WholeAsync(TimeSpan.FromSeconds(60));
        }
        Measured($"restart with {tasks} tasks in the state, {count} engines, 3 managers: started to node ls and service ls answered: {string.Join(", ", each)} s", load);
        Assert.True(longest <= 3, $"a restarted manager served after {longest:0.00} s");
    }

    [Fact(Explicit = true)]
    public async Task Join()
    {
        var (count, tasks) = (Number("SKEP_AGENTS", 500), Number("SKEP_TASKS", 100_000));
        await using var managers = await LoneManagers.UpAsync(3, spare: 1);
        using var agents = await RunAsync(managers, count, tasks);
        var leader = (await managers.LeaderAsync())!;
        await managers.CreateServiceAsync(leader, "probe", 0);
        // So that the log alone does not reach back to its beginning.
        var cluster = await managers.GetAsync(leader, "/swarm");
        (cluster["Spec"]!["Raft"]!["SnapshotInterval"], cluster["Spec"]!["Raft"]!["LogEntriesForSlowFollowers"]) = (200, 50);
        await managers.PostAsync(leader, $"/swarm/update?version={cluster["Version"]!["Index"]}", cluster["Spec"]!);
        for (var i = 0; i < 300; i++)
            await ProbeAsync(managers, leader);

        var load = Load();
        var before = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(10); await Task.Delay(20))
            before.Add(await ProbeAsync(managers, leader));
        var meanwhile = new List<double>();
        var joining = Stopwatch.StartNew();
        var join = Task.Run(async () =>
        {
            await managers.JoinAsync("h4");
            return joining.Elapsed.TotalSeconds;
        });
        for (; !join.IsCompleted; await Task.Delay(20))
            meanwhile.Add(await ProbeAsync(managers, leader));
        var took = await join;
        // Then its share of the engines comes to it, each with a report of all its tasks.
        var after = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(10); await Task.Delay(20))
            after.Add(await ProbeAsync(managers, leader));
        var restored = managers.Log("h4").Split('\n').First(line => line.Contains("receiving the snapshot", StringComparison.Ordinal));
        await HeardAsync(managers, "h4", tasks);
        Measured($"a manager joins with {tasks} tasks in the state: {took:0.00} s from docker swarm join to its end ({restored[(restored.IndexOf("receiving", StringComparison.Ordinal))..].Trim()}); "
            + $"the leader's writes meanwhile: {Spread(meanwhile)}; in the 10 s before: {Spread(before)}; in the 10 s after, while engines move to it: {Spread(after)}", load);
        Assert.True(meanwhile.Max() < 100, $"a write took {meanwhile.Max():0} ms while a manager joined");
    }

    [Fact(Explicit = true)]
    public async Task Cpu()
    {
        var count = Number("SKEP_AGENTS", 1000);
        foreach (var managerCount in new[] { 1, 3 })
        {
            await using var managers = await LoneManagers.UpAsync(managerCount);
            using var agents = await JoinAsync(managers, count);
            await Task.Delay(TimeSpan.FromSeconds(15)); // for the balance of sessions
            var leader = (await managers.LeaderAsync())!;
            var load = Load();
            var idle = await CpuOfAsync(managers, leader, () => Task.Delay(TimeSpan.FromSeconds(30)));
            var churn = await CpuOfAsync(managers, leader, () => ChurnAsync(managers, rounds: 30, replicas: count));
            var report = await agents.WaitForReportAsync("a report", TimeSpan.FromSeconds(10), _ => true);
            Measured($"CPU seconds in 30 s for each 1,000 of {count} engines, {managerCount} manager{(managerCount > 1 ? "s" : "")}: idle {Show(idle, count)}; {30 * count} tasks made and removed: {Show(churn, count)}; reconnects {report["reconnects"]}, late heartbeats {report["late_heartbeats"]}", load);
        }
    }

    [Fact(Explicit = true)]
    public async Task Storm()
    {
        var count = Number("SKEP_AGENTS", 5000);
        await using var managers = await LoneManagers.UpAsync(1);
        using var agents = await JoinAsync(managers, count);
        var load = Load();
        var clock = Stopwatch.StartNew();
        await managers.CreateServiceAsync("h1", "web", count);
        var report = await agents.WaitForReportAsync($"{count} tasks to run", RunLimit, report => SimulatedAgents.Tasks(report, "running") == count);
        var (burst, late) = (clock.Elapsed.TotalSeconds, report["late_heartbeats"]!.GetValue<int>());
        await managers.KillAsync("h1");
        clock.Restart();
        await managers.StartAsync("h1");
        report = await agents.WaitForReportAsync("all agents to be back", RunLimit, report => report["reconnects"]!.GetValue<int>() >= count && report["connected"]!.GetValue<int>() == count);
        Measured($"{count} engines on one manager: {count} tasks run {burst:0} s after the command (late heartbeats {late}); killed and started, all back after {clock.Elapsed.TotalSeconds:0} s "
            + $"(sessions opened {report["reconnects"]}); restarted {report["tasks_restarted"]}, removed {report["tasks_removed_while_wanted"]}", load);
        Assert.Equal(0, report["tasks_restarted"]!.GetValue<int>());
    }

    private static async Task ChurnAsync(LoneManagers managers, int rounds, int replicas)
    {
        const int Live = 5;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < rounds + Live; i++)
        {
            if (i < rounds) await managers.CreateServiceAsync("h1", $"churn-{i}", replicas);
            if (i >= Live) await managers.RemoveServiceAsync("h1", $"churn-{i - Live}");
            var next = TimeSpan.FromSeconds((i + 1) * 30.0 / (rounds + Live)) - clock.Elapsed;
            if (next > TimeSpan.Zero) await Task.Delay(next);
        }
    }

    private static async Task<(double Leader, double[] Followers)> CpuOfAsync(LoneManagers managers, string leader, Func<Task> work)
    {
        var before = await Task.WhenAll(managers.Names.Select(managers.CpuSecondsAsync));
        await work();
        var after = await Task.WhenAll(managers.Names.Select(managers.CpuSecondsAsync));
        var used = managers.Names.Select((name, i) => (Name: name, Seconds: after[i] - before[i])).ToList();
        return (used.Single(u => u.Name == leader).Seconds, [.. used.Where(u => u.Name != leader).Select(u => u.Seconds)]);
    }

    private static string Show((double Leader, double[] Followers) cpu, int agents) =>
        string.Create(CultureInfo.InvariantCulture, $"leader {cpu.Leader * 1000 / agents:0.00}") + string.Concat(cpu.Followers.Select(f => string.Create(CultureInfo.InvariantCulture, $", follower {f * 1000 / agents:0.00}")));

    private static async Task<SimulatedAgents> JoinAsync(LoneManagers managers, int count)
    {
        var agents = new SimulatedAgents(managers.Addresses, await managers.TokenAsync("Worker"), count, startLatency: "0.2-0.5");
        await agents.WaitForReportAsync("all agents to join", JoinLimit, report => report["joined"]!.GetValue<int>() == count && report["connected"]!.GetValue<int>() == count);
        return agents;
    }

    private static async Task<SimulatedAgents> RunAsync(LoneManagers managers, int count, int tasks)
    {
        var agents = await JoinAsync(managers, count);
        await managers.CreateServiceAsync("h1", "web", tasks);
        await agents.WaitForReportAsync($"{tasks} tasks to run", RunLimit, report => SimulatedAgents.Tasks(report, "running") == tasks);
        await HeardAsync(managers, "h1", tasks);
        return agents;
    }

    /// <summary>Waits until a manager has been told of all that runs.</summary>
    private static async Task HeardAsync(LoneManagers managers, string by, int tasks)
    {
        var heard = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60) && heard != tasks; await Task.Delay(200))
            heard = await RunningAsync(managers, by, "web");
        Assert.Equal(tasks, heard);
    }

    /// <summary>One write to the leader; milliseconds.</summary>
    private static async Task<double> ProbeAsync(LoneManagers managers, string leader)
    {
        var service = await managers.GetAsync(leader, "/services/probe");
        service["Spec"]!["Labels"] = new JsonObject { ["n"] = $"{Stopwatch.GetTimestamp()}" };
        var clock = Stopwatch.StartNew();
        await managers.PostAsync(leader, $"/services/probe/update?version={service["Version"]!["Index"]}", service["Spec"]!);
        return clock.Elapsed.TotalMilliseconds;
    }

    private static async Task<string> WriteAsync(LoneManagers managers, string by, string service)
    {
        await managers.CreateServiceAsync(by, service, 0);
        return service;
    }

    /// <summary>Asks all of them, again and again, until one has done a write; seconds by the clock.</summary>
    private static async Task<double> UntilWrittenAsync(LoneManagers managers, IReadOnlyList<string> names, Stopwatch clock)
    {
        var done = await await Task.WhenAny(names.Select(async name =>
        {
            for (var i = 0; ; i++)
            {
                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
                try
                {
                    await managers.CreateServiceAsync(name, $"during-{name}-{i}", 0, patience.Token);
                    return clock.Elapsed;
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(10);
                }
            }
        }));
        return done.TotalSeconds;
    }

    private static async Task<int> RunningAsync(LoneManagers managers, string by, string service) =>
        (await managers.GetAsync(by, "/services?status=true")).AsArray().Single(s => s!["Spec"]!["Name"]!.GetValue<string>() == service)!["ServiceStatus"]!["RunningTasks"]!.GetValue<int>();

    private static string Spread(List<double> milliseconds)
    {
        var sorted = milliseconds.Order().ToList();
        return string.Create(CultureInfo.InvariantCulture, $"median {sorted[sorted.Count / 2]:0.0} ms, p99 {sorted[sorted.Count * 99 / 100]:0} ms, longest {sorted[^1]:0} ms of {sorted.Count}");
    }

    private static int Number(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static void Measured(string what, string load) => Console.WriteLine($"    measured: {what} (load average at the start {load})");
}
