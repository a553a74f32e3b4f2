using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Skep.Cli.Lab.Experiments;

/// <summary>skep lab swarm2k, swarm3k, c1m: whole experiments on this machine.</summary>
internal sealed class ExperimentCommand
{
    private const string NoFile = "none";

    private readonly ExperimentPlan _default;
    private readonly Option<int> _managers;
    private readonly Option<int> _nodes;
    private readonly Option<int> _tasks;
    private readonly Option<bool> _noKill = new("--no-kill") { Description = "Leave the leader alive" };
    private readonly Option<string> _peer = new("--peer") { Description = "skep, or dockerd: the same with stock managers", DefaultValueFactory = _ => "skep" };
    private readonly Option<double> _timeLimit = new("--time-limit") { Description = "Seconds after which it ends as far as it got", DefaultValueFactory = _ => 600 };
    private readonly Option<int> _seed = new("--seed") { Description = "Of all chance among the agents", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _startLatency = new("--start-latency") { Description = "How long a container takes to start: SECONDS or MIN-MAX", DefaultValueFactory = _ => "0.2-0.5" };
    private readonly Option<double> _idle = new("--idle") { Description = "Seconds without work before the burst: what nodes cost by themselves" };
    private readonly Option<bool> _json = new("--json") { Description = "The figures as one JSON object on standard output; what happens is told on standard error" };
    private readonly Option<string?> _html = new("--html") { Description = $"Write the report to this file, or '{NoFile}' (default: lab-NAME.html in the current folder; with --json: {NoFile})" };
    private readonly Option<bool> _keep = new("--keep") { Description = "Leave the folder with logs and data" };

    private ExperimentCommand(ExperimentPlan plan)
    {
        _default = plan;
        _managers = new Option<int>("--managers") { Description = "1 to 7", DefaultValueFactory = _ => plan.Managers };
        _nodes = new Option<int>("--nodes") { Description = "Simulated engines", DefaultValueFactory = _ => plan.Nodes };
        _tasks = new Option<int>("--tasks") { Description = "Replicas of the one service", DefaultValueFactory = _ => plan.Tasks };
    }

    public static IEnumerable<Command> CreateAll() => ExperimentPlan.All.Select(plan => new ExperimentCommand(plan).Create());

    private Command Create()
    {
        var command = new Command(_default.Name, string.Create(CultureInfo.InvariantCulture, $"""
            {_default.Nodes:#,##0} simulated engines, {_default.Tasks:#,##0} tasks, {_default.Managers} manager{(_default.Managers > 1 ? "s" : "")}{(_default.KillsLeader ? "; the leader is killed in the middle and started again" : "")}.
            Starts managers and agents in a network of their own on this machine (as root), scales one service to all tasks, tells what happens, and removes everything.
            Exit code 0 when all tasks came to run and nothing was lost.

            Example:
              skep lab {_default.Name} --nodes 500 --tasks 5000 --html {_default.Name}.html
            """))
        {
            _managers, _nodes, _tasks, _peer, _timeLimit, _seed, _startLatency, _idle, _json, _html, _keep,
        };
        if (_default.KillsLeader)
            command.Add(_noKill);
        command.SetAction((arguments, cancellation) => CliException.GuardAsync(() => RunAsync(arguments, cancellation)));
        return command;
    }

    private async Task RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        var plan = Read(arguments);
        var json = arguments.GetValue(_json);
        OpenFiles.Allow(plan.FilesNeeded);
        // A terminal that is closed ends it as Ctrl-C does.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            end.Cancel();
        });
        await using var host = await ExperimentHost.CreateAsync(arguments.GetValue(_keep));
        using var experiment = new Experiment(plan, host, json ? Console.Error : Console.Out);
        var figures = await experiment.RunAsync(end.Token);
        if (HtmlFile(arguments) is { } file)
            await File.WriteAllTextAsync(file, HtmlReport.Write(figures, experiment.Timeline, experiment.Marks), CancellationToken.None);
        if (json)
            Console.WriteLine(figures.ToJson());
        else
            Show(figures, experiment.Timeline, HtmlFile(arguments));
        if (!figures.Reached)
            throw new CliException($"the time limit of {plan.TimeLimit.TotalSeconds:0} s ended it while {figures.EndedWhile}: {figures.NodesJoined} of {plan.Nodes} nodes joined, {figures.TasksRunning} of {plan.Tasks} tasks ran");
        if (!figures.IsGood)
            throw new CliException($"lost: {figures.TasksLost} tasks, {figures.WritesLost} of {figures.WritesAcknowledged} acknowledged writes");
    }

    /// <exception cref="CliException">An option's value makes no sense.</exception>
    internal static ExperimentPlan Read(string command, params string[] arguments)
    {
        var experiment = new ExperimentCommand(ExperimentPlan.All.Single(plan => plan.Name == command));
        return experiment.Read(experiment.Create().Parse(arguments));
    }

    private ExperimentPlan Read(ParseResult arguments) => _default with
    {
        Managers = Within(_managers, arguments.GetValue(_managers), 1, 7),
        Nodes = Within(_nodes, arguments.GetValue(_nodes), 1, 20_000),
        Tasks = Within(_tasks, arguments.GetValue(_tasks), 1, 10_000_000),
        KillsLeader = _default.KillsLeader && !arguments.GetValue(_noKill),
        Peer = arguments.GetValue(_peer) switch
        {
            "skep" => Peer.Skep,
            "dockerd" => Peer.Dockerd,
            var other => throw new CliException($"--peer '{other}' is neither skep nor dockerd"),
        },
        TimeLimit = TimeSpan.FromSeconds(Within(_timeLimit, arguments.GetValue(_timeLimit), 1, 86_400)),
        Idle = TimeSpan.FromSeconds(Within(_idle, arguments.GetValue(_idle), 0, 3600)),
        Seed = arguments.GetValue(_seed),
        StartLatency = StartLatency(arguments.GetValue(_startLatency)!),
    };

    private string? HtmlFile(ParseResult arguments) => arguments.GetValue(_html) switch
    {
        NoFile => null,
        null => arguments.GetValue(_json) ? null : Path.GetFullPath($"lab-{_default.Name}.html"),
        var file => Path.GetFullPath(file),
    };

    private static void Show(Figures figures, Timeline timeline, string? file)
    {
        Console.WriteLine();
        if (TerminalChart.Draw("Tasks RUNNING after the scale command", timeline.Running) is { Length: > 0 } chart)
            Console.WriteLine(chart + Environment.NewLine);
        foreach (var (name, value) in figures.Rows())
            Console.WriteLine($"{name,-26}{value}");
        if (file is not null)
            Console.WriteLine($"{Environment.NewLine}The report with charts: {file}");
    }

    private static string StartLatency(string text)
    {
        AgentsCommand.ParseSeconds("--start-latency", text);
        return text;
    }

    private static T Within<T>(Option<T> option, T value, T least, T most) where T : IComparable<T> =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0 ? value : throw new CliException($"{option.Name} {value} is not between {least} and {most}");
}
