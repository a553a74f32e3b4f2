using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>skep backup, verify and restore with the programs themselves; no engines, no root.</summary>
[SupportedOSPlatform("linux")]
public sealed class BackupTests : IAsyncLifetime
{
    private readonly LoneSkepd _skepd = new();
    private readonly LoneSkepd _restored = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("skep-backup").FullName;

    private string Backup => Path.Combine(_folder, "b.skep");

    public async ValueTask InitializeAsync() => Assert.Null(await _skepd.StartAsync());

    public async ValueTask DisposeAsync()
    {
        await _skepd.DisposeAsync();
        await _restored.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_backup_taken_while_it_runs_comes_back_with_all_that_was_answered()
    {
        await MakeAsync("one", "two");
        var clusterId = await ClusterIdAsync(_skepd);
        var made = JsonNode.Parse((await SkepTool.Run("-H", _skepd.Socket, "backup", Backup, "--json")).Out)!;
        Assert.Equal((Backup, clusterId, 2, false, _skepd.Address),
            (made["file"]!.GetValue<string>(), made["clusterId"]!.GetValue<string>(), made["services"]!.GetValue<int>(), made["sealed"]!.GetValue<bool>(), made["managerAddr"]!.GetValue<string>()));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));
        Assert.Equal([Backup], Directory.EnumerateFiles(_folder));
        Assert.Contains("2 services", (await SkepTool.Run("backup", "verify", Backup)).Out, StringComparison.Ordinal);
        await _skepd.CreateServiceAsync("too late");

        await RestoreAsync(Backup);
        Assert.Null(await _restored.StartAsync());
        Assert.Equal(["one", "two"], await _restored.ServicesAsync());
        Assert.Equal(clusterId, await ClusterIdAsync(_restored));
        Assert.Equal(["", "leader"], await _restored.ManagerStatusesAsync());
        await _restored.CreateServiceAsync("three");
        await _restored.KillAsync();
        Assert.Null(await _restored.StartAsync());
        Assert.Equal(["one", "three", "two"], await _restored.ServicesAsync());
    }

    [Fact]
    public async Task A_backup_holds_what_was_acknowledged_by_any_manager_before()
    {
        await _skepd.InitAsync();
        await using var second = new LoneSkepd();
        Assert.Null(await second.StartAsync());
        await second.JoinAsync(_skepd);
        for (var i = 0; i < 5; i++)
        {
            using var answer = await _skepd.CreateServiceAsync($"s{i}");
            Assert.True(answer.IsSuccessStatusCode);
            var made = JsonNode.Parse((await SkepTool.Run("-H", second.Socket, "backup", Backup, "--json")).Out)!;
            Assert.Equal(i + 1, made["services"]!.GetValue<int>());
        }
    }

    [Fact]
    public async Task Damage_is_refused_in_one_line_and_an_older_backup_stays()
    {
        await MakeAsync("one");
        await SkepTool.Run("-H", _skepd.Socket, "backup", Backup);
        var bytes = await File.ReadAllBytesAsync(Backup);
        foreach (var damaged in (byte[][])[bytes[..^1], bytes[..100], [.. bytes[..50], (byte)(bytes[50] ^ 1), .. bytes[51..]], [.. bytes, 7], []])
        {
            await File.WriteAllBytesAsync(Backup, damaged);
            await SkepTool.Refuses(Backup, "backup", "verify", Backup);
            await SkepTool.Refuses(Backup, "restore", Backup, "--data-dir", _restored.DataDirectory);
            Assert.False(Directory.Exists(_restored.DataDirectory));
        }
        await File.WriteAllBytesAsync(Backup, bytes);
        await _skepd.KillAsync();
        await SkepTool.Refuses("no manager answers", "-H", _skepd.Socket, "backup", Backup);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Backup));
        Assert.Equal([Backup], Directory.EnumerateFiles(_folder));
    }

    [Fact]
    public async Task What_cannot_be_done_is_said_in_one_line()
    {
        await SkepTool.Refuses("This node is not a swarm manager.", "-H", _skepd.Socket, "backup", Backup);
        Assert.False(File.Exists(Backup));
        await MakeAsync("one");
        await SkepTool.Refuses("is a directory", "-H", _skepd.Socket, "backup", _folder);
        await SkepTool.Refuses("nowhere", "-H", _skepd.Socket, "backup", Path.Combine(_folder, "nowhere", "b"));
        await SkepTool.Run("-H", _skepd.Socket, "backup", Backup);
        await SkepTool.Refuses("is not empty", "restore", Backup, "--data-dir", _folder);
        await SkepTool.Refuses("either a backup FILE or --from-data-dir", "restore", "--data-dir", _restored.DataDirectory);
        await SkepTool.Refuses("--advertise-addr x", "restore", Backup, "--data-dir", _restored.DataDirectory, "--advertise-addr", "x");
        await SkepTool.Refuses("is in use: stop the skepd that runs on it", "restore", "--from-data-dir", _skepd.DataDirectory, "--data-dir", _restored.DataDirectory);
        await SkepTool.Refuses("is not the data directory", "restore", "--from-data-dir", _folder, "--data-dir", _restored.DataDirectory);
        foreach (var command in (string[])["backup", "restore"])
            Assert.Contains("Examples:", (await SkepTool.Run(command, "--help")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_directory_of_a_stopped_manager_comes_back_too()
    {
        await MakeAsync("one", "two");
        Assert.Equal(0, await _skepd.StopAsync());
        await SkepTool.Run("restore", "--from-data-dir", _skepd.DataDirectory, "--data-dir", _restored.DataDirectory, "--advertise-addr", _restored.Address, "--listen-addr", _restored.Address);
        Assert.Null(await _restored.StartAsync());
        Assert.Equal(["one", "two"], await _restored.ServicesAsync());
    }

    [Fact]
    public async Task So_does_the_directory_of_one_that_was_killed()
    {
        await MakeAsync("one", "two");
        await _skepd.KillAsync();
        await SkepTool.Run("restore", "--from-data-dir", _skepd.DataDirectory, "--data-dir", _restored.DataDirectory, "--advertise-addr", _restored.Address, "--listen-addr", _restored.Address);
        Assert.Null(await _restored.StartAsync());
        Assert.Equal(["one", "two"], await _restored.ServicesAsync());
    }

    [Fact]
    public async Task A_sealed_backup_asks_for_its_key()
    {
        await _skepd.InitAsync();
        await _skepd.AutolockAsync();
        await _skepd.CreateServiceAsync("one");
        var key = await _skepd.UnlockKeyAsync();
        var made = JsonNode.Parse((await SkepTool.Run("-H", _skepd.Socket, "backup", Backup, "--json")).Out)!;
        Assert.True(made["sealed"]!.GetValue<bool>());
        await SkepTool.Refuses("locked with the cluster's unlock key", "restore", Backup, "--data-dir", _restored.DataDirectory);
        var wrong = await SkepTool.TryWith("SWMKEY-1-abcd\n", "restore", Backup, "--data-dir", _restored.DataDirectory);
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("does not open with this unlock key", wrong.Err, StringComparison.Ordinal);
        (await SkepTool.TryWith(key + "\n", "restore", Backup, "--data-dir", _restored.DataDirectory, "--advertise-addr", _restored.Address, "--listen-addr", _restored.Address)).OrFail();
        Assert.Null(await _restored.StartAsync());
        Assert.Equal("locked", await _restored.StateAsync());
        await _restored.UnlockAsync(key);
        Assert.Equal(["one"], await _restored.ServicesAsync());
    }

    private async Task MakeAsync(params string[] services)
    {
        await _skepd.InitAsync();
        foreach (var name in services)
        {
            using var answer = await _skepd.CreateServiceAsync(name);
            Assert.True(answer.IsSuccessStatusCode);
        }
    }

    private Task RestoreAsync(string backup) => SkepTool.Run("restore", backup, "--data-dir", _restored.DataDirectory, "--advertise-addr", _restored.Address, "--listen-addr", _restored.Address);

    private static async Task<string> ClusterIdAsync(LoneSkepd skepd) => JsonNode.Parse(await skepd.Client.GetStringAsync("/v1.41/swarm"))!["ID"]!.GetValue<string>();
}
