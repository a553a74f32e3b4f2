using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Skep.Cli.Lab.Experiments;

/// <summary>A network namespace with nothing but a loopback: every manager has its own address there with the usual port, and meets nothing of this machine.</summary>
internal sealed partial class LabNetwork : IAsyncDisposable
{
    private const string Prefix = "skep-lab-";
    private const string Namespaces = "/run/netns";

    /// <summary>CLONE_NEWNET of setns(2).</summary>
    private const int NetworkNamespace = 0x40000000;

    private const int SignalKill = 9;

    private LabNetwork(string name) => Name = name;

    /// <summary>"skep-lab-" and the process id of its owner.</summary>
    public string Name { get; }

    /// <exception cref="CliException">There cannot be one here: why.</exception>
    public static async Task<LabNetwork> CreateAsync()
    {
        if (!Environment.IsPrivilegedProcess)
            throw new CliException("experiments need a network namespace of their own: run as root");
        var network = new LabNetwork(Prefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        await SystemCommand.RunAsync("ip", "netns", "add", network.Name);
        try
        {
            await SystemCommand.RunAsync("ip", "-n", network.Name, "link", "set", "lo", "up");
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>The command line that runs another one inside. All its programs replace each other, so the process id stays; the session of its own keeps the
    /// terminal's Ctrl-C from it, so that it ends in the order in which the experiment ends it.
    /// A kernel that shares the processors out among sessions (its autogroups, the default of most distributions) gives each of them the same share; niceness would
    /// count only within one of them.</summary>
    public string[] Inside(params string[] command) => ["setsid", "nsenter", $"--net={Namespaces}/{Name}", "--", .. command];

    /// <summary>Connects from inside.</summary>
    /// <exception cref="SocketException">Nothing listens there.</exception>
    public Task<Socket> ConnectAsync(IPEndPoint to)
    {
        var connected = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        // A socket belongs to the namespace of the thread that made it, for good; the thread ends, so no other work is ever done inside.
        var thread = new Thread(() =>
        {
            try
            {
                connected.SetResult(ConnectInside(to));
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                connected.SetException(e);
            }
        });
        thread.IsBackground = true;
        thread.Start();
        return connected.Task;
    }

    /// <summary>Ends all that still runs inside and removes it.</summary>
    public async ValueTask DisposeAsync() => await RemoveAsync(Name);

    /// <summary>Removes the networks of experiments whose own process was killed; their names.</summary>
    public static async Task<IReadOnlyList<string>> RemoveLeftAsync()
    {
        var removed = new List<string>();
        if (!Directory.Exists(Namespaces))
            return removed;
        foreach (var name in Directory.EnumerateFiles(Namespaces, Prefix + "*").Select(path => Path.GetFileName(path)!).ToList())
        {
            if (!int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var owner) || Directory.Exists($"/proc/{owner}"))
                continue;
            await RemoveAsync(name);
            removed.Add(name);
        }
        return removed;
    }

    private static async Task RemoveAsync(string name)
    {
        var inside = await SystemCommand.RunAsync("ip", "netns", "pids", name);
        foreach (var process in inside.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            _ = kill(int.Parse(process, CultureInfo.InvariantCulture), SignalKill);
        await SystemCommand.RunAsync("ip", "netns", "del", name);
    }

    private Socket ConnectInside(IPEndPoint to)
    {
        using var handle = File.OpenHandle($"{Namespaces}/{Name}");
        if (setns(handle, NetworkNamespace) != 0)
            throw new IOException($"cannot enter the network namespace {Name}");
        var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(to);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(SafeFileHandle handle, int kind);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
