using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Skep.Tests;
using Xunit;

namespace Skep.EndToEnd.Lab;

/// <summary>A skepd without an engine, on the loopback, with a data directory of its own: for what needs no container, and no root.</summary>
public sealed class LoneSkepd : IAsyncDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("skep-lone").FullName;
    private readonly StringBuilder _errors = new();
    private Process? _process;

    public LoneSkepd()
    {
        Client = EngineHttp.Client(Socket);
        ClusterPort = TestPort.Take();
    }

    public HttpClient Client { get; }

    public int ClusterPort { get; }

    public string DataDirectory => Path.Combine(_folder, "data");

    /// <summary>What it wrote on standard error since its last start: the log, and why it ended.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return _errors.ToString();
        }
    }

    /// <summary>As a docker -H value.</summary>
    public string Socket => $"unix://{_folder}/skep.sock";

    /// <summary>Starts it and waits until it answers; null, or the exit code with which it ended instead.</summary>
    public async Task<int?> StartAsync()
    {
        Assert.SkipUnless(File.Exists(SkepdPeer.Program), $"{SkepdPeer.Program} is not there; run ./build first");
        var start = new ProcessStartInfo(SkepdPeer.Program, ["-H", Socket, "--engine", "none", "--data-dir", DataDirectory]) { RedirectStandardError = true, RedirectStandardOutput = true };
        lock (_errors) _errors.Clear();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < AnswerLimit)
        {
            if (_process.HasExited)
            {
                await _process.WaitForExitAsync();
                return _process.ExitCode;
            }
            try
            {
                if ((await Client.GetAsync("/_ping")).IsSuccessStatusCode) return null;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(20);
            }
        }
        throw new TimeoutException($"skepd neither answers nor ends:\n{Errors}");
    }

    /// <summary>host:port of its cluster port.</summary>
    public string Address => $"127.0.0.1:{ClusterPort}";

    public Task InitAsync() => DoneAsync(TryInitAsync(forceNewCluster: false));

    public Task<HttpResponseMessage> TryInitAsync(bool forceNewCluster) => PostAsync("/v1.41/swarm/init", new JsonObject
    {
        ["ListenAddr"] = Address,
        ["AdvertiseAddr"] = Address,
        ["ForceNewCluster"] = forceNewCluster,
    });

    /// <summary>docker swarm join, as a manager.</summary>
    public async Task JoinAsync(LoneSkepd manager)
    {
        var swarm = JsonNode.Parse(await manager.Client.GetStringAsync("/v1.41/swarm"))!;
        await DoneAsync(PostAsync("/v1.41/swarm/join", new JsonObject
        {
            ["ListenAddr"] = Address,
            ["AdvertiseAddr"] = Address,
            ["RemoteAddrs"] = new JsonArray(manager.Address),
            ["JoinToken"] = swarm["JoinTokens"]!["Manager"]!.GetValue<string>(),
        }));
    }

    public Task LeaveAsync() => DoneAsync(PostAsync("/v1.41/swarm/leave?force=1", []));

    /// <summary>docker swarm update --autolock.</summary>
    public async Task AutolockAsync()
    {
        var swarm = JsonNode.Parse(await Client.GetStringAsync("/v1.41/swarm"))!;
        var spec = swarm["Spec"]!.DeepClone().AsObject();
        spec["EncryptionConfig"] = new JsonObject { ["AutoLockManagers"] = true };
        await DoneAsync(PostAsync($"/v1.41/swarm/update?version={swarm["Version"]!["Index"]}", spec));
    }

    /// <summary>docker swarm unlock-key -q.</summary>
    public async Task<string> UnlockKeyAsync() => JsonNode.Parse(await Client.GetStringAsync("/v1.41/swarm/unlockkey"))!["UnlockKey"]!.GetValue<string>();

    public Task UnlockAsync(string key) => DoneAsync(PostAsync("/v1.41/swarm/unlock", new JsonObject { ["UnlockKey"] = key }));

    /// <summary>docker info's LocalNodeState.</summary>
    public async Task<string> StateAsync() => JsonNode.Parse(await Client.GetStringAsync("/v1.41/info"))!["Swarm"]!["LocalNodeState"]!.GetValue<string>();

    /// <summary>By node: docker node ls' MANAGER STATUS, or nothing.</summary>
    public async Task<List<string>> ManagerStatusesAsync() =>
        [.. JsonNode.Parse(await Client.GetStringAsync("/v1.41/nodes"))!.AsArray().Select(node => node!["ManagerStatus"] is { } status ? status["Leader"]?.GetValue<bool>() == true ? "leader" : status["Reachability"]!.GetValue<string>() : "").Order(StringComparer.Ordinal)];

    public Task<HttpResponseMessage> PostAsync(string path, JsonObject body) =>
        Client.PostAsync(path, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));

    public Task<HttpResponseMessage> CreateServiceAsync(string name) => PostAsync("/v1.41/services/create", new JsonObject
    {
        ["Name"] = name,
        ["TaskTemplate"] = new JsonObject { ["ContainerSpec"] = new JsonObject { ["Image"] = "box:1" } },
    });

    public async Task<IReadOnlyList<string>> ServicesAsync() =>
        [.. JsonNode.Parse(await Client.GetStringAsync("/v1.41/services"))!.AsArray().Select(s => s!["Spec"]!["Name"]!.GetValue<string>()).Order(StringComparer.Ordinal)];

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using var kill = Process.Start("kill", [$"{_process!.Id}"]);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
        Client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task DoneAsync(Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private void Keep(string? line)
    {
        lock (_errors) _errors.AppendLine(line);
    }
}
