using System.Diagnostics;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A client that wants a small thing while the big one is at work: it creates services of one replica, and sees how long each takes until it runs.</summary>
internal sealed class ServiceProbe
{
    private const string Prefix = "probe";

    /// <summary>Each stays in docker service ls, which is measured too: they must stay few.</summary>
    private const int Most = 20;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How long it took the slowest, in seconds; null when none has come to run.</summary>
    public double? Longest { get; private set; }

    /// <summary>How many have come to run.</summary>
    public int Count { get; private set; }

    /// <summary>One after the other; it ends with the one that is under way when it is no longer wanted.</summary>
    public async Task RunAsync(Func<SwarmApi> manager, Func<bool> isWanted, CancellationToken cancellation)
    {
        for (var isFirst = true; isFirst || (isWanted() && Count < Most); isFirst = false)
        {
            if (!isFirst)
                await Task.Delay(Pause, cancellation);
            var service = SwarmApi.Numbered(Prefix, Count + 1);
            var clock = Stopwatch.StartNew();
            await UntilAsync(() => CreateAsync(manager(), service, cancellation), cancellation);
            await UntilAsync(() => manager().RunsAsync(service, cancellation), cancellation);
            Longest = Math.Max(Longest ?? 0, clock.Elapsed.TotalSeconds);
            Count++;
        }
    }

    private static async Task<bool> CreateAsync(SwarmApi manager, string service, CancellationToken cancellation)
    {
        try
        {
            await manager.CreateServiceAsync(service, replicas: 1, cancellation);
        }
        catch (CliException e) when (e.Message.Contains("name conflicts", StringComparison.Ordinal))
        {
            // An earlier call was done, and its answer lost with the leader.
        }
        return true;
    }

    /// <summary>Again and again; a failure is as good as not yet, since there may be no leader at the moment.</summary>
    private static async Task UntilAsync(Func<Task<bool>> isDone, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                if (await isDone())
                    return;
            }
            catch (CliException)
            {
                // Once more.
            }
            await Task.Delay(Poll, cancellation);
        }
    }
}
