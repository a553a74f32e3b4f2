using System.CommandLine;
using System.Globalization;
using Skep.Agent.Simulated;

namespace Skep.Cli.Lab;

/// <summary>skep lab agents: simulated engines, thousands in one process, that join any SwarmKit manager over the real wire.</summary>
internal static class AgentsCommand
{
    /// <summary>More statuses than SwarmKit itself ever put in one call would be no measure of anything.</summary>
    private const int BatchedStatuses = 1024;

    private const double MaxSlowness = 10_000;
    private const double MaxSeconds = 1e6;

    private static readonly Option<string> Manager = new("--manager") { Description = "HOST:PORT of a manager (2377 if no port is given); several with commas", Required = true };
    private static readonly Option<string> Token = new("--token") { Description = "The worker token: docker swarm join-token -q worker", Required = true };
    private static readonly Option<int> Count = new("--count") { Description = "How many engines", Required = true };
    private static readonly Option<string?> Report = new("--report") { Description = "Keep the report in this JSON file, rewritten every 3 s" };
    private static readonly Option<bool> Json = new("--json") { Description = "Print the report on standard output at the end" };
    private static readonly Option<int> Seed = new("--seed") { Description = "Of all chance: start times, failures, deaths, slow and stuck nodes, back-off, choice of manager", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> StartLatency = new("--start-latency") { Description = "How long a container takes to start: SECONDS or MIN-MAX", DefaultValueFactory = _ => "0.2-0.5" };
    private static readonly Option<double> FailRate = new("--fail-rate") { Description = "Share of container starts that fail, 0 to 1" };
    private static readonly Option<double> Deaths = new("--deaths") { Description = "Nodes that lose their power, so many a minute on average: no heartbeat, no goodbye" };
    private static readonly Option<string?> ReturnAfter = new("--return-after") { Description = "How long such a node is away: SECONDS or MIN-MAX (default: for good)" };
    private static readonly Option<double> ReturnEmpty = new("--return-empty") { Description = "Share of the returns without the containers that ran before, 0 to 1; the others find theirs running" };
    private static readonly Option<string?> Slow = new("--slow") { Description = "SHARE:FACTOR: on so many of the nodes (0 to 1) containers take FACTOR times longer to start" };
    private static readonly Option<double> Stuck = new("--stuck") { Description = "Share of nodes, 0 to 1, whose heartbeats go on but whose tasks stay in PREPARING" };
    private static readonly Option<double?> Duration = new("--duration") { Description = "End after so many seconds (default: at Ctrl-C or SIGTERM)" };
    private static readonly Option<string> Prefix = new("--prefix") { Description = "Hostnames are PREFIX and a number", DefaultValueFactory = _ => "agent-" };
    private static readonly Option<int> JoinParallel = new("--join-parallel") { Description = "Most engines that join at a time", DefaultValueFactory = _ => 64 };
    private static readonly Option<bool> BatchStatuses = new("--batch-statuses") { Description = $"Up to {BatchedStatuses} task statuses in a call; stock engines send one" };
    private static readonly Option<double> StatusInterval = new("--status-interval") { Description = "Seconds between lines of progress; 0: none", DefaultValueFactory = _ => 5 };

    public static Command Create()
    {
        var command = new Command("agents", """
            Simulated engines, thousands in one process, that join any SwarmKit manager (Skep's or a stock dockerd's) and behave as stock engines do;
            their containers run nothing. Exit code 0 when all have joined.

            Examples:
              skep lab agents --manager 192.0.2.10:2377 --token "$(docker swarm join-token -q worker)" --count 1000 --report agents.json
              skep lab agents --manager m1,m2,m3 --token "$T" --count 500 --seed 7 --slow 0.1:5 --stuck 0.01
              skep lab agents --manager m1 --token "$T" --count 500 --deaths 6 --return-after 20-60 --return-empty 0.5
            """)
        {
            Manager, Token, Count, Report, Json, Seed, StartLatency, FailRate, Deaths, ReturnAfter, ReturnEmpty, Slow, Stuck, Duration, Prefix, JoinParallel, BatchStatuses, StatusInterval,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        try
        {
            var options = Read(arguments);
            OpenFiles.Allow(AgentFleet.FilesNeeded(options));
            using var fleet = new AgentFleet(options, TimeProvider.System);
            var allJoined = await fleet.RunAsync(cancellation);
            if (arguments.GetValue(Json))
                Console.WriteLine(fleet.Report().ToJsonString());
            return allJoined ? 0 : throw new CliException($"only {fleet.Figures.Joined} of {options.Count} agents joined before the end");
        }
        catch (CliException e)
        {
            await Console.Error.WriteLineAsync("skep: " + e.Message);
            return 1;
        }
    }

    internal static AgentsOptions Read(ParseResult arguments)
    {
        var (min, max) = ParseSeconds("--start-latency", arguments.GetValue(StartLatency)!);
        return new AgentsOptions
        {
            Managers = ParseManagers(arguments.GetValue(Manager)!),
            Token = arguments.GetValue(Token)!,
            Count = Within("--count", arguments.GetValue(Count), 1, 100_000),
            JoinParallel = Within("--join-parallel", arguments.GetValue(JoinParallel), 1, 10_000),
            Prefix = arguments.GetValue(Prefix)!,
            StatusesPerCall = arguments.GetValue(BatchStatuses) ? BatchedStatuses : 1,
            Seed = arguments.GetValue(Seed),
            Simulation = new SimulationOptions { MinStartLatency = min, MaxStartLatency = max, FailRate = Within("--fail-rate", arguments.GetValue(FailRate), 0, 1) },
            Trouble = ReadTrouble(arguments),
            Duration = arguments.GetValue(Duration) is { } seconds ? TimeSpan.FromSeconds(Within("--duration", seconds, 0, 1e9)) : null,
            StatusInterval = TimeSpan.FromSeconds(Within("--status-interval", arguments.GetValue(StatusInterval), 0, 1e6)),
            ReportPath = arguments.GetValue(Report),
        };
    }

    private static TroubleOptions ReadTrouble(ParseResult arguments)
    {
        var deaths = Within("--deaths", arguments.GetValue(Deaths), 0, 60_000);
        var returns = arguments.GetValue(ReturnAfter) is { } text ? ParseSeconds("--return-after", text) : default((TimeSpan, TimeSpan)?);
        var empty = Within("--return-empty", arguments.GetValue(ReturnEmpty), 0, 1);
        if (returns is not null && deaths == 0)
            throw new CliException("--return-after is of no use without --deaths");
        if (empty > 0 && returns is null)
            throw new CliException("--return-empty is of no use without --return-after");
        var (share, factor) = arguments.GetValue(Slow) is { } slow ? ParseSlow(slow) : (0, 1);
        return new TroubleOptions
        {
            DeathsPerMinute = deaths,
            ReturnAfter = returns,
            ReturnEmpty = empty,
            SlowShare = share,
            SlowFactor = factor,
            StuckShare = Within("--stuck", arguments.GetValue(Stuck), 0, 1),
        };
    }

    /// <exception cref="CliException">It is neither SECONDS nor MIN-MAX.</exception>
    internal static (TimeSpan Min, TimeSpan Max) ParseSeconds(string option, string text)
    {
        var numbers = text.Split('-').Select(Number).ToArray();
        if (numbers is not ([_] or [_, _]) || numbers[0] < 0 || numbers[^1] < numbers[0] || numbers[^1] > MaxSeconds)
            throw new CliException($"{option} '{text}' is neither SECONDS nor MIN-MAX, such as 0.2-0.5");
        return (TimeSpan.FromSeconds(numbers[0]), TimeSpan.FromSeconds(numbers[^1]));
    }

    /// <exception cref="CliException">It is not SHARE:FACTOR.</exception>
    internal static (double Share, double Factor) ParseSlow(string text)
    {
        var numbers = text.Split(':').Select(Number).ToArray();
        return numbers is [>= 0 and <= 1, >= 1 and <= MaxSlowness]
            ? (numbers[0], numbers[1])
            : throw new CliException($"--slow '{text}' is not SHARE:FACTOR, such as 0.1:5 (a share of 0 to 1, a factor of 1 to {MaxSlowness})");
    }

    // -1: it is none.
    private static double Number(string text) => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : -1;

    /// <exception cref="CliException">An address is none.</exception>
    internal static IReadOnlyList<string> ParseManagers(string text)
    {
        var managers = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (managers.Length == 0)
            throw new CliException("--manager names no manager; give HOST:PORT");
        return [.. managers.Select(m => Uri.TryCreate("tcp://" + m, UriKind.Absolute, out var uri) && uri.PathAndQuery is "" or "/" ? uri : throw new CliException($"--manager '{m}' is not HOST:PORT"))
            .Select(uri => $"{uri.Host}:{(uri.IsDefaultPort ? DefaultPort : uri.Port)}")];
    }

    private const int DefaultPort = 2377;

    private static T Within<T>(string option, T value, T least, T most) where T : IComparable<T> =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0 ? value : throw new CliException($"{option} {value} is not between {least} and {most}");
}
