namespace Skep.Cli.Lab.Experiments;

/// <summary>The managers of an experiment, which form one cluster.</summary>
internal sealed class LabManagers : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly List<LabManager> _all;
    private LabManager? _leader;
    private LabManager? _down;

    private LabManagers(List<LabManager> all) => _all = all;

    public IEnumerable<string> Addresses => _all.Select(m => m.Address);

    /// <summary>Of all together; of the memory, the greatest.</summary>
    public ManagerCosts Costs => _all.Select(m => m.Costs).Aggregate((a, b) => a + b);

    /// <summary>Whom clients ask: one that does not lead, as most managers do not, and that will not be killed; the only one when there is but one.</summary>
    public SwarmApi Api => (_all.Find(m => m != _leader) ?? _all[0]).Api;

    /// <param name="peer">Whose.</param>
    /// <param name="count">How many.</param>
    /// <param name="network">Where they run.</param>
    /// <param name="folder">Their files.</param>
    /// <exception cref="CliException">The program is not there.</exception>
    public static LabManagers Create(Peer peer, int count, LabNetwork network, string folder)
    {
        var program = Program(peer);
        return new LabManagers([.. Enumerable.Range(1, count).Select<int, LabManager>(number => peer == Peer.Skep
            ? new SkepdManager(network, Path.Combine(folder, SwarmApi.Numbered("manager", number)), number, program)
            : new DockerdManager(network, Path.Combine(folder, SwarmApi.Numbered("manager", number)), number, program))]);
    }

    /// <summary>Starts them and makes them one cluster that has a leader and runs no task itself.</summary>
    /// <exception cref="CliException">One ended or refused.</exception>
    public async Task FormAsync(CancellationToken cancellation)
    {
        await Task.WhenAll(_all.Select(m => m.StartAsync(cancellation)));
        var first = _all[0];
        await first.Api.InitAsync(first.Address, cancellation);
        foreach (var other in _all.Skip(1))
            await other.Api.JoinAsync(other.Address, first.Address, await first.Api.TokenAsync("Manager", cancellation), cancellation);
        await WholeAsync(cancellation);
        await first.Api.DrainManagersAsync(cancellation);
    }

    /// <summary>Waits until one leads and all others are reachable; a cluster that broke for good is waited for until the experiment's time is over.</summary>
    /// <exception cref="CliException">One has ended.</exception>
    public async Task WholeAsync(CancellationToken cancellation)
    {
        for (; ; await Task.Delay(Poll, cancellation))
        {
            MustRun();
            try
            {
                if (await Api.ManagersAsync(cancellation) is not { } addresses || addresses.Count != _all.Count)
                    continue;
                _leader = _all.Single(m => m.Address == addresses[0]);
                return;
            }
            catch (CliException)
            {
                // No leader yet.
            }
        }
    }

    public Task<string> WorkerTokenAsync(CancellationToken cancellation) => Api.TokenAsync("Worker", cancellation);

    /// <summary>kill -9 of the leader.</summary>
    /// <returns>Starts it again.</returns>
    public async Task<Func<Task>> KillLeaderAsync(CancellationToken cancellation)
    {
        // It may be another one by now.
        await WholeAsync(cancellation);
        var killed = _leader!;
        _down = killed;
        await killed.KillAsync(cancellation);
        return async () =>
        {
            await killed.StartAsync(cancellation);
            _down = null;
        };
    }

    /// <exception cref="CliException">One has ended without our doing.</exception>
    public void MustRun()
    {
        foreach (var manager in _all.Where(m => m != _down))
            manager.MustRun();
    }

    public Task SampleAsync(CancellationToken cancellation) => Task.WhenAll(_all.Select(m => m.SampleAsync(cancellation)));

    public void Dispose() => _all.ForEach(m => m.Dispose());

    private static string Program(Peer peer) => peer switch
    {
        Peer.Skep => SystemCommand.Find("skepd", AppContext.BaseDirectory) ?? throw new CliException($"skepd is neither in {AppContext.BaseDirectory} nor in PATH; ./build puts both programs in artifacts/bin"),
        _ => SystemCommand.Find("containerd") is null ? throw new CliException("containerd is not in PATH; install docker.io") : SystemCommand.Find("dockerd") ?? throw new CliException("dockerd is not in PATH; install docker.io"),
    };
}
