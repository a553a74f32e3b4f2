using System.IO.Hashing;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Simulation.Agents;
using Skep.Simulation.Engine;
using Skep.Simulation.Invariants;
using Skep.Simulation.Managers;

namespace Skep.Simulation;

/// <summary>Everything that is in a run, made from its seed.</summary>
internal sealed class World
{
    public World(RunOptions options)
    {
        Options = options;
        Loop = new EventLoop();
        Trace = new Trace(Loop, options.TraceTo);
        Network = new Network(Loop, NewRandom("network"), Faults);
        Witness = new Witness(this);
        Witness.Invariants.AddRange([new OneTaskPerSlot(), new AddressesGivenOnce(), new PortsPublishedOnce(), new ResourcesFit()]);
        Leaders = new OneLeaderPerTerm(this);
        Statuses = new AnsweredStatuses(this);
        Removals = new RightRemovals(this);
        Managers = [.. Enumerable.Range(0, options.Managers).Select(n => new ManagerHost(this, n))];
        Agents = [.. Enumerable.Range(0, options.Agents).Select(n => new SimulatedAgent(this, n))];
    }

    public RunOptions Options { get; }

    public EventLoop Loop { get; }

    public FaultCount Faults { get; } = new();

    public Network Network { get; }

    public Trace Trace { get; }

    public Seams Seams => Options.Seams;

    public Witness Witness { get; }

    public OneLeaderPerTerm Leaders { get; }

    public AnsweredStatuses Statuses { get; }

    public RightRemovals Removals { get; }

    public IReadOnlyList<ManagerHost> Managers { get; }

    public IReadOnlyList<SimulatedAgent> Agents { get; }

    /// <summary>Chance that a task fails, at three points of its life.</summary>
    public double TaskFailures { get; set; }

    /// <summary>Clients ask for nothing, so that what they asked for can come to its end.</summary>
    public bool ClientsRest { get; set; } = true;

    /// <summary>The overlay network that services may use.</summary>
    public string NetworkId { get; set; } = "";

    /// <summary>Managers whose disk was damaged: they may refuse it.</summary>
    public HashSet<int> DamagedDisks { get; } = [];

    /// <summary>The manager that leads, if there is one that knows.</summary>
    public ManagerHost? Leader => Managers.FirstOrDefault(m => m.Process is { } process && process.Loop.IsLeader);

    public ManagerHost? HostOf(ulong raftId) => Managers.FirstOrDefault(m => m.RaftId == raftId);

    /// <summary>A source of randomness of its own for each part, so that one more call in one place does not change all others.</summary>
    public Random NewRandom(string name) =>
        new((int)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(name), Options.Seed));

    /// <summary>A connection to a manager's process.</summary>
    public Connection Connect(int client, ManagerHost host, ManagerProcess process) =>
        new(Loop, Network, client, host.Number, () => process.IsAlive && host.Process == process, TimeSpan.FromSeconds(5));

    /// <summary>Waits until a manager has applied everything; asks again when no leader answers.</summary>
    public async Task BarrierAsync(ManagerProcess process)
    {
        for (var attempt = 0; Seams.ReadsAreFresh; attempt++)
        {
            try
            {
                await process.Service.ReadBarrierAsync();
                return;
            }
            catch (Skep.Manager.ControlException) when (attempt < 5)
            {
                await Loop.Delay(TimeSpan.FromMilliseconds(500));
            }
        }
    }

    public ILogger Logger(string name) => Options.TraceTo is null ? NullLogger.Instance : new TraceLogger(Trace, name);
}
