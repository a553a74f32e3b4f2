namespace Skep.EndToEnd.Lab;

/// <summary>
/// Who manages the cluster under test: skepd beside the engine of h1, or, to check the tests themselves and to compare, that
/// stock engine itself (SKEP_PEER=dockerd).
/// </summary>
public abstract class Peer
{
    /// <summary>The name in reports: "skepd" or "dockerd".</summary>
    public abstract string Name { get; }

    /// <summary>The manager's docker -H value.</summary>
    public abstract string Socket(Hosts hosts);

    /// <summary>Starts the manager on h1, whose engine runs, and waits until it answers.</summary>
    public abstract Task Start(Hosts hosts);

    /// <summary>The peer that the environment asks for.</summary>
    public static Peer FromEnvironment() => (Environment.GetEnvironmentVariable("SKEP_PEER") ?? "skepd") switch
    {
        "skepd" => new SkepdPeer(),
        "dockerd" => new DockerdPeer(),
        var other => throw new InvalidOperationException($"SKEP_PEER must be skepd or dockerd, not '{other}'"),
    };
}

/// <summary>A stock engine as its own manager.</summary>
public sealed class DockerdPeer : Peer
{
    public override string Name => "dockerd";

    public override string Socket(Hosts hosts) => hosts.EngineSocket("h1");

    public override Task Start(Hosts hosts) => Task.CompletedTask;
}

/// <summary>skepd from artifacts/bin, as a process on h1.</summary>
public sealed class SkepdPeer : Peer
{
    public override string Name => "skepd";

    /// <summary>The program that ./build made.</summary>
    public static string Program => Path.Combine(Hosts.Repository, "artifacts/bin/skepd");

    public override string Socket(Hosts hosts) => SocketOn(hosts, "h1");

    public override Task Start(Hosts hosts) => StartOn(hosts, "h1", hosts.EngineSocket("h1"));

    /// <summary>Starts a skepd on a host without an engine.</summary>
    public static Task StartAlone(Hosts hosts, string host) => StartOn(hosts, host, "none");

    /// <summary>Starts a skepd beside a host's engine.</summary>
    public static Task StartBeside(Hosts hosts, string host) => StartOn(hosts, host, hosts.EngineSocket(host));

    /// <summary>Ends a host's skepd and removes its data, so that the next test finds the host as it was.</summary>
    public static async Task StopAndForget(Hosts hosts, string host)
    {
        await hosts.Stop(host, "skepd");
        var data = $"{hosts.Folder}/{host}/skep";
        if (Directory.Exists(data)) Directory.Delete(data, recursive: true);
    }

    public static string SocketOn(Hosts hosts, string host) => $"unix://{hosts.Folder}/{host}/skep.sock";

    private static async Task StartOn(Hosts hosts, string host, string engine)
    {
        if (!File.Exists(Program)) throw new InvalidOperationException($"there is no {Program}; run ./build first");
        var socket = SocketOn(hosts, host);
        await hosts.Start(host, "skepd", Program, "-H", socket, "--engine", engine, "--data-dir", $"{hosts.Folder}/{host}/skep");
        using var client = EngineHttp.Client(socket);
        var until = DateTime.UtcNow.AddSeconds(20);
        while (true)
        {
            try
            {
                if ((await client.GetAsync("/_ping")).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // not there yet
            }
            if (DateTime.UtcNow > until)
                throw new InvalidOperationException($"skepd does not answer on {socket}; the end of its log:\n" + string.Join('\n', (await File.ReadAllLinesAsync($"{hosts.Folder}/{host}/skepd.log")).TakeLast(10)));
            await Task.Delay(10);
        }
    }
}
