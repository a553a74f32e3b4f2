using System.Globalization;

namespace Skep.EndToEnd.Lab;

/// <summary>
/// The hosts of one lab (the repository's lab/netlab): h1, h2, … with stock engines. Each test run takes a lab number of its own,
/// so that runs beside each other do not meet (the first free one from SKEP_LAB, or 60, on); what a crashed run left under that number is removed first.
/// </summary>
public sealed class Hosts : IAsyncDisposable
{
    private static readonly int FirstNumber = int.TryParse(Environment.GetEnvironmentVariable("SKEP_LAB"), out var number) ? number : 60;

    private static readonly int LastNumber = FirstNumber < 80 ? 79 : 99;

    private readonly FileStream numberLock;

    private Hosts(int number, FileStream numberLock)
    {
        Number = number;
        this.numberLock = numberLock;
    }

    /// <summary>The lab's number, which is also the second part of its addresses.</summary>
    public int Number { get; }

    /// <summary>The lab's folder.</summary>
    public string Folder => $"/tmp/skep-lab{Number}";

    /// <summary>The top folder of the repository, found from where the tests run.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The host's address in the lab.</summary>
    public string Address(string host) => $"10.{Number}.0.{host.AsSpan(1)}";

    /// <summary>The socket of the host's engine, as a docker -H value.</summary>
    public string EngineSocket(string host) => $"unix://{Folder}/{host}/docker.sock";

    /// <summary>Takes a free lab number, clears it, and makes the hosts.</summary>
    public static async Task<Hosts> Up(int count)
    {
        for (var number = FirstNumber; number <= LastNumber; number++)
        {
            FileStream held;
            try
            {
                held = new FileStream($"/tmp/.skep-lab{number}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                continue; // another run has it
            }
            var hosts = new Hosts(number, held);
            await hosts.Netlab(60, "down");
            await hosts.Netlab(60, "up", count.ToString(CultureInfo.InvariantCulture));
            return hosts;
        }
        throw new InvalidOperationException($"all lab numbers from {FirstNumber} to {LastNumber} are in use");
    }

    /// <summary>Starts a stock engine on a host and loads the image box:1 into it. <paramref name="version"/> "26" takes the newer one.</summary>
    public async Task StartEngine(string host, string? version = null)
    {
        await Netlab(180, version is null ? ["engine", host] : ["engine", host, version]);
        await Netlab(60, "image", host);
    }

    /// <summary>Starts an engine again that was stopped or killed.</summary>
    public Task RestartEngine(string host) => Netlab(60, "engine", host);

    /// <summary>Ends an engine with kill -9; its containers stay, as after a crash.</summary>
    public Task KillEngine(string host) => Netlab(20, "kill", host);

    /// <summary>Starts a program on a host in the background under a name.</summary>
    public Task Start(string host, string name, params string[] command) => Netlab(20, ["start", host, name, .. command]);

    /// <summary>Ends a named program with SIGTERM and waits for its end.</summary>
    public Task Stop(string host, string name) => Netlab(40, "stop", host, name);

    /// <summary>Ends a named program with kill -9.</summary>
    public Task Kill(string host, string name) => Netlab(20, "kill", host, name);

    /// <summary>The process id, on this machine, of a named program.</summary>
    public async Task<int> ProcessId(string host, string name) => int.Parse((await Netlab(20, "pid", host, name)).Out, CultureInfo.InvariantCulture);

    /// <summary>Runs a command on a host and returns what it did, whatever its exit code.</summary>
    public Task<CommandResult> Exec(string host, params string[] command) => Run(60, ["exec", host, .. command]);

    /// <summary>Removes the lab.</summary>
    public async ValueTask DisposeAsync()
    {
        await Netlab(60, "down");
        await numberLock.DisposeAsync();
    }

    private async Task<CommandResult> Netlab(double seconds, params string[] arguments) => (await Run(seconds, arguments)).OrFail();

    private Task<CommandResult> Run(double seconds, string[] arguments) =>
        Command.Run(Path.Combine(Repository, "lab/netlab"), arguments, TimeSpan.FromSeconds(seconds),
            environment: new Dictionary<string, string> { ["LAB"] = Number.ToString(CultureInfo.InvariantCulture), ["LAB_DIR"] = Folder });

    private static string FindRepository()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Skep.slnx"))) return at.FullName;
        throw new InvalidOperationException($"no Skep.slnx above {AppContext.BaseDirectory}");
    }
}
