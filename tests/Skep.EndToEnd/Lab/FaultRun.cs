using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Skep.EndToEnd.Lab;

/// <summary>Writers and simulated engines on a cluster under faults, and what must be true when the faults have ended.</summary>
public sealed class FaultRun : IDisposable
{
    private const int Agents = 40;

    /// <summary>For the managers to be whole, the services to have what they want, and all to tell the same.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60);

    private readonly LoneManagers _managers;
    private readonly AcknowledgedWrites _writes;
    private readonly SimulatedAgents _agents;

    private FaultRun(LoneManagers managers, AcknowledgedWrites writes, SimulatedAgents agents)
    {
        _managers = managers;
        _writes = writes;
        _agents = agents;
    }

    public static async Task<FaultRun> StartAsync(LoneManagers managers, int seed)
    {
        var agents = new SimulatedAgents(managers.Addresses, await managers.TokenAsync("Worker"), Agents, startLatency: "0.1-0.5");
        try
        {
            await agents.WaitForReportAsync("all agents to join", TimeSpan.FromSeconds(30), report => report["joined"]!.GetValue<int>() == Agents);
            var writes = new AcknowledgedWrites(managers, seed);
            writes.Start();
            return new FaultRun(managers, writes, agents);
        }
        catch
        {
            agents.Dispose();
            throw;
        }
    }

    /// <summary>Ends the writing and judges; the result is one line of figures.</summary>
    /// <exception cref="InvalidOperationException">Something was lost, or two managers tell different things.</exception>
    /// <exception cref="TimeoutException">The cluster does not become what it should be.</exception>
    public async Task<string> EndAsync()
    {
        await _managers.WholeAsync(EndLimit);
        await _writes.StopAsync();
        var running = await SettleAsync();
        await StateComparison.CompareAsync(_managers, EndLimit);
        foreach (var name in _managers.Names)
        {
            var lost = _writes.Lost((await _managers.GetAsync(name, "/services")).AsArray());
            if (lost.Count > 0) throw new InvalidOperationException($"{lost.Count} acknowledged writes lost as {name} sees it: {string.Join("; ", lost.Take(20))}");
        }
        var report = await _agents.WaitForReportAsync($"the agents to run {running} tasks", EndLimit,
            report => SimulatedAgents.Tasks(report, "running") == running && report["connected"]!.GetValue<int>() == Agents);
        var (restarted, removed) = (report["tasks_restarted"]!.GetValue<int>(), report["tasks_removed_while_wanted"]!.GetValue<int>());
        if (restarted + removed > 0) throw new InvalidOperationException($"{restarted} tasks were restarted and {removed} removed though they should run");
        return $"{_writes.Acknowledged} writes acknowledged, {_writes.Unanswered} not, 0 lost, 0 divergences; {running} tasks run, 0 restarted, 0 removed; {report["reconnects"]} reconnects";
    }

    public void Dispose()
    {
        _writes.StopAsync().GetAwaiter().GetResult();
        _agents.Dispose();
    }

    /// <summary>Waits until every service has what it wants; how many tasks that is.</summary>
    private async Task<int> SettleAsync()
    {
        var lacking = new List<string>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < EndLimit; await Task.Delay(200))
        {
            var services = (await _managers.GetAsync(_managers.Names[0], "/services?status=true")).AsArray();
            lacking = [.. services.Where(s => Count(s, "RunningTasks") != Count(s, "DesiredTasks") || Count(s, "DesiredTasks") != s!["Spec"]!["Mode"]!["Replicated"]!["Replicas"]!.GetValue<int>())
                .Select(s => $"{s!["Spec"]!["Name"]} {Count(s, "RunningTasks")}/{Count(s, "DesiredTasks")}")];
            if (lacking.Count == 0) return services.Sum(s => Count(s, "RunningTasks"));
        }
        throw new TimeoutException($"{lacking.Count} services do not have what they want: {string.Join(", ", lacking.Take(20))}");
    }

    private static int Count(JsonNode? service, string what) => service!["ServiceStatus"]?[what]?.GetValue<int>() ?? 0;
}
