using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;
using Skep.Agent;
using Skep.Agent.Simulated;
using Skep.Rpc;

namespace Skep.Cli.Lab;

/// <summary>Joins the agents and keeps them running, with lines of progress and the report.</summary>
internal sealed class AgentFleet : IDisposable
{
    /// <summary>Beside the agents' connections: those that join, and the runtime's own.</summary>
    private const int OtherFiles = 512;

    // Each kind of chance has its own, so that an option of one kind changes nothing in another.
    private const int AgentSeeds = 1_000_003;
    private const int TroubleSeeds = 1_000_033;
    private const int PowerSeed = 1_000_037;

    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(8);

    private readonly AgentsOptions _options;
    private readonly TimeProvider _time;
    private readonly SimulatedExecutor _executor;
    private readonly NodeCertificateClient _certificates;
    private readonly HeartbeatClock _heartbeats;
    private readonly OwnThread _assignments = new("skep-assign");
    private readonly FleetPower _power;
    private readonly FleetReport _report;

    public AgentFleet(AgentsOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        Figures = new FleetFigures(time);
        _executor = new SimulatedExecutor(options.Simulation, new Random(options.Seed), time);
        _certificates = new NodeCertificateClient(time);
        _heartbeats = new HeartbeatClock(time);
        _power = new FleetPower(options.Trouble, options.Count, new Random(unchecked(options.Seed + PowerSeed)), Figures, time);
        _report = new FleetReport(options, Figures, _executor, time);
    }

    public FleetFigures Figures { get; }

    public static int FilesNeeded(AgentsOptions options) => options.Count + options.JoinParallel + OtherFiles;

    public JsonObject Report() => _report.ToJson();

    /// <summary>Runs until the time is over or it is cancelled; true when every agent has joined by then.</summary>
    /// <exception cref="CliException">No agent can join: why, in one line.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (_options.Duration is { } duration)
            end.CancelAfter(duration);
        using var refused = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
        var watching = WatchAsync(refused.Token);
        var power = _power.RunAsync(refused.Token);
        try
        {
            await JoinAllAsync(refused.Token);
            _report.AllJoined();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The end. Nobody waits for the agents: they stop with the process, as engines do whose host loses its power.
        }
        finally
        {
            await refused.CancelAsync();
            await power;
            await watching;
        }
        return Figures.Joined == _options.Count;
    }

    public void Dispose()
    {
        _power.Dispose();
        _heartbeats.Dispose();
        _executor.Dispose();
        _assignments.Dispose();
    }

    private async Task JoinAllAsync(CancellationToken cancellation)
    {
        // The first alone: what is wrong with it is wrong with all.
        await JoinAsync(0, cancellation);
        var others = new ParallelOptions { MaxDegreeOfParallelism = _options.JoinParallel, CancellationToken = cancellation };
        await Parallel.ForAsync(1, _options.Count, others, async (i, stop) => await JoinAsync(i, stop));
    }

    private async Task JoinAsync(int index, CancellationToken cancellation)
    {
        var random = new Random(unchecked((_options.Seed * AgentSeeds) + index));
        var credentials = await GetCertificateAsync(index, cancellation);
        var settings = new AgentSettings
        {
            Description = Descriptions.Of(_options.Prefix + (index + 1).ToString("d" + Digits(_options.Count), CultureInfo.InvariantCulture)),
            StatusesPerCall = _options.StatusesPerCall,
            Assignments = _assignments,
        };
        var agent = new NodeAgent(credentials, _options.Managers, settings, _heartbeats, Containers(index), Figures, random, _time);
        var node = new FleetNode(agent);
        node.PowerOn();
        await agent.Registered.WaitAsync(cancellation);
        Figures.AgentJoined();
        _power.Add(index, node);
    }

    /// <summary>A node's own, and what is wrong with it.</summary>
    private SimulatedEngine Containers(int index)
    {
        var random = new Random(unchecked((_options.Seed * TroubleSeeds) + index));
        var isSlow = random.NextDouble() < _options.Trouble.SlowShare;
        var isStuck = random.NextDouble() < _options.Trouble.StuckShare;
        Figures.NodeMade(isSlow, isStuck);
        return new SimulatedEngine(_executor, isSlow ? _options.Trouble.SlowFactor : 1, isStuck);
    }

    private async Task<NodeCredentials> GetCertificateAsync(int index, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            var manager = _options.Managers[(index + attempt) % _options.Managers.Count];
            try
            {
                return await _certificates.JoinAsync(manager, _options.Token, Wire.NodeSpec.Types.Availability.Active, cancellation);
            }
            catch (FormatException e)
            {
                throw new CliException(e.Message);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.InvalidArgument or StatusCode.PermissionDenied or StatusCode.Unauthenticated or StatusCode.FailedPrecondition or StatusCode.Unimplemented)
            {
                throw new CliException($"{manager} refuses: {e.Status.Detail}");
            }
            catch (RpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                Figures.JoinFailed($"join: {e.StatusCode}: {e.Status.Detail}");
                if (Figures.Joined == 0 && attempt + 1 >= _options.Managers.Count)
                    throw new CliException($"no manager answers on {string.Join(", ", _options.Managers)} ({e.Status.DebugException?.Message ?? e.Status.Detail})");
            }
            var delay = TimeSpan.FromSeconds(Math.Min(0.1 * Math.Pow(2, attempt), MaxRetryDelay.TotalSeconds));
            await Task.Delay(delay, _time, cancellation);
        }
    }

    /// <summary>Samples, lines of progress and the report, until the end; the report once more then, so that nothing is missing in it.</summary>
    private async Task WatchAsync(CancellationToken end)
    {
        var (sinceLine, sinceReport) = (TimeSpan.Zero, TimeSpan.Zero);
        using var timer = new PeriodicTimer(SampleInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(end))
            {
                _report.Sample();
                sinceLine += SampleInterval;
                sinceReport += SampleInterval;
                if (_options.StatusInterval > TimeSpan.Zero && sinceLine >= _options.StatusInterval)
                {
                    await Console.Error.WriteLineAsync(_report.Line());
                    sinceLine = TimeSpan.Zero;
                }
                if (sinceReport >= ReportInterval)
                {
                    _report.Write();
                    sinceReport = TimeSpan.Zero;
                }
            }
        }
        catch (OperationCanceledException)
        {
            _report.Sample();
            _report.Write();
        }
    }

    private static int Digits(int count) => count.ToString(CultureInfo.InvariantCulture).Length;
}
