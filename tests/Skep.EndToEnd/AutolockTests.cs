using System.Text;
using System.Text.RegularExpressions;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>docker swarm init --autolock, unlock, unlock-key: what a manager keeps on its disk is of no use without the key.</summary>
public sealed partial class AutolockTests : IAsyncLifetime
{
    private const string Marker = "the-marker-of-a-secret";
    private const string Locked = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly LoneSkepd _skepd = new();

    public async ValueTask InitializeAsync() => Assert.Null(await _skepd.StartAsync());

    public ValueTask DisposeAsync() => _skepd.DisposeAsync();

    [Fact]
    public async Task A_cluster_that_is_born_locked_stays_so_until_it_is_unlocked()
    {
        var key = KeyIn((await Init("--autolock")).Out);
        Assert.Equal(key, await UnlockKey());
        await Docker("secret create one -", Marker);
        await Docker("service create -d -q --no-resolve-image --name web box:1");
        Assert.Empty(FilesWith(Marker, "PRIVATE KEY", key));

        await Restart();
        Assert.Equal("locked", await State());
        Assert.Contains("Swarm: locked", (await Docker("info")).Out, StringComparison.Ordinal);
        foreach (var call in (string[])["node ls", "service ls", "secret ls", "swarm unlock-key", "swarm join-token worker", "swarm update --autolock=false"])
            Assert.Contains(Locked, (await Fails(call)).Err, StringComparison.Ordinal);
        Assert.Contains("swarm could not be unlocked: invalid key provided", (await Fails("swarm unlock", "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8\n")).Err, StringComparison.Ordinal);
        Assert.Contains("invalid key string", (await Fails("swarm unlock", "no key\n")).Err, StringComparison.Ordinal);
        Assert.Equal("locked", await State());

        await Docker("swarm unlock", key + "\n");
        Assert.Equal("active", await State());
        Assert.Equal(["web"], (await Docker("service ls --format '{{.Name}}'")).Lines);
        Assert.Equal(["one"], (await Docker("secret ls --format '{{.Name}}'")).Lines);
        Assert.Contains("swarm is not locked", (await Fails("swarm unlock", key + "\n")).Err, StringComparison.Ordinal);
        Assert.DoesNotContain(key, _skepd.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Autolock_is_turned_on_the_key_rotated_and_autolock_turned_off()
    {
        await Init("");
        Assert.Contains("no unlock key is set", (await Fails("swarm unlock-key -q")).Err, StringComparison.Ordinal);
        Assert.Contains("cannot rotate because autolock is not turned on", (await Fails("swarm unlock-key --rotate")).Err, StringComparison.Ordinal);
        await Docker("config create one -", Marker);
        Assert.Empty(FilesWith(Marker));
        Assert.NotEmpty(FilesWith("PRIVATE KEY"));

        var first = KeyIn((await Docker("swarm update --autolock=true")).Out);
        await Eventually(() => !KeyFile().Contains("PRIVATE KEY", StringComparison.Ordinal));
        await Restart();
        await Docker("swarm unlock", first + "\n");

        var before = KeyFile();
        var second = (await Docker("swarm unlock-key --rotate -q")).Out.Trim();
        Assert.NotEqual(first, second);
        Assert.Equal(second, await UnlockKey());
        await Eventually(() => KeyFile() != before);
        await Restart();
        Assert.Contains("invalid key provided", (await Fails("swarm unlock", first + "\n")).Err, StringComparison.Ordinal);
        await Docker("swarm unlock", second + "\n");
        Assert.Empty(FilesWith(Marker, "PRIVATE KEY", first, second));

        await Docker("swarm update --autolock=false");
        await Eventually(() => KeyFile().Contains("PRIVATE KEY", StringComparison.Ordinal));
        await Restart();
        Assert.Equal("active", await State());
        Assert.Equal(Marker, (await Docker("config inspect one --pretty")).Lines[^1]);
        Assert.Empty(FilesWith(Marker));
    }

    [Fact]
    public async Task Kill_9_right_after_a_rotation_leaves_one_of_the_two_keys_valid()
    {
        var first = KeyIn((await Init("--autolock")).Out);
        await Docker("config create one -", Marker);
        for (var round = 0; round < 4; round++)
        {
            await Docker("swarm unlock-key --rotate -q");
            var second = await UnlockKey();
            await Task.Delay(round * 15);
            await Restart();
            if ((await TryDocker("swarm unlock", second + "\n")).ExitCode != 0)
                await Docker("swarm unlock", first + "\n");
            Assert.Equal(["one"], (await Docker("config ls --format '{{.Name}}'")).Lines);
            Assert.Equal(second, await UnlockKey());
            var file = KeyFile();
            await Eventually(() => KeyFile() == file && _skepd.Errors.Contains("the cluster port is open", StringComparison.Ordinal));
            first = second;
        }
    }

    [Fact]
    public async Task A_locked_manager_leaves_only_by_force()
    {
        await Init("--autolock");
        await Restart();
        Assert.Contains("Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.", (await Fails("swarm leave")).Err, StringComparison.Ordinal);
        await Docker("swarm leave --force");
        Assert.Equal("inactive", await State());
        await Init("");
        Assert.Equal("active", await State());
    }

    [GeneratedRegex("SWMKEY-1-[A-Za-z0-9+/]{43}")]
    private static partial Regex Key();

    private static string KeyIn(string output) => Key().Match(output) is { Success: true } found ? found.Value : throw new InvalidOperationException($"no key in: {output}");

    private static async Task Eventually(Func<bool> condition) =>
        await Cluster.WaitFor("what is on the disk to follow the cluster", 20, () => Task.FromResult(condition()), followed => followed);

    private Task<CommandResult> Init(string options) =>
        Docker($"swarm init {options} --listen-addr 127.0.0.1:{_skepd.ClusterPort} --advertise-addr 127.0.0.1:{_skepd.ClusterPort}");

    private async Task Restart()
    {
        await _skepd.KillAsync();
        Assert.Null(await _skepd.StartAsync());
    }

    private async Task<string> State() => (await Docker("info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim();

    private async Task<string> UnlockKey() => (await Docker("swarm unlock-key -q")).Out.Trim();

    private string KeyFile() => File.ReadAllText(Path.Combine(_skepd.DataDirectory, "certificates/swarm-node.keys"));

    private string[] FilesWith(params string[] words) =>
    [
        .. from path in Directory.EnumerateFiles(_skepd.DataDirectory, "*", SearchOption.AllDirectories)
           where Path.GetFileName(path) != "lock"
           let content = Encoding.Latin1.GetString(File.ReadAllBytes(path))
           where words.Any(word => content.Contains(word, StringComparison.Ordinal))
           select path,
    ];

    private Task<CommandResult> TryDocker(string line, string? input = null) =>
        Command.Run(Cluster.DockerCli, ["-H", _skepd.Socket, .. Command.Words(line)], Limit, input);

    private async Task<CommandResult> Docker(string line, string? input = null) => (await TryDocker(line, input)).OrFail();

    private async Task<CommandResult> Fails(string line, string? input = null)
    {
        var result = await TryDocker(line, input);
        Assert.NotEqual(0, result.ExitCode);
        return result;
    }
}

/// <summary>The engines of a manager that is locked work on.</summary>
[Trait("Category", "slow")]
public sealed class AutolockOnEnginesTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Containers_run_on_while_their_manager_is_locked()
    {
        OnlySkepd("a stock manager is one process with its engine");
        await Cluster.Docker($"{Create} --name web --replicas 4 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "4/4");
        var containers = await All();
        await Cluster.Docker("swarm update --autolock=true");
        var key = (await Cluster.Docker("swarm unlock-key -q")).Out.Trim();
        try
        {
            await Cluster.WaitFor("the keys to be locked", 20, () => Task.FromResult(KeyFile()), file => !file.Contains("PRIVATE KEY", StringComparison.Ordinal));
            await Cluster.Hosts.Kill("h1", "skepd");
            await Cluster.Peer.Start(Cluster.Hosts);
            Assert.Equal("locked", (await Cluster.Docker("info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim());
            Assert.Equal(2 + 2, (await Cluster.Docker("ps -q")).Lines.Length + (await Cluster.Engine("h2", "ps -q")).Lines.Length); // the local engine is served
            await Task.Delay(8000); // long enough for the engines to have tried to come back
            Assert.Equal(containers, await All());
        }
        finally
        {
            await Cluster.TryDocker("swarm unlock", key + "\n");
        }
        await Cluster.WaitForNode("h1", "Ready");
        await Cluster.WaitForNode("h2", "Ready");
        await Cluster.WaitForReplicas("web", "4/4");
        Assert.Equal(containers, await All());
        await Cluster.Docker("service scale -d web=6");
        await Cluster.WaitForReplicas("web", "6/6");
        await Cluster.Docker("swarm update --autolock=false");
        await Cluster.WaitFor("the keys to be unlocked", 20, () => Task.FromResult(KeyFile()), file => file.Contains("PRIVATE KEY", StringComparison.Ordinal));
    }

    private string KeyFile() => File.ReadAllText($"{Cluster.Hosts.Folder}/h1/skep/certificates/swarm-node.keys");

    private async Task<string[]> All() => [.. (await Cluster.Containers("h1", "web")).Order(), .. (await Cluster.Containers("h2", "web")).Order()];
}
