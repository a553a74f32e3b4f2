using System.Text;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What skepd does with its data: it keeps what it answered whatever kills it, and refuses what is damaged, in one line.</summary>
public sealed class DataTests : IAsyncDisposable
{
    private readonly LoneSkepd _skepd = new();

    private string LogFolder => Path.Combine(_skepd.DataDirectory, "raft", "wal");

    public ValueTask DisposeAsync() => _skepd.DisposeAsync();

    [Fact]
    public async Task Kill_9_at_any_moment_loses_no_service_that_was_answered()
    {
        Assert.Null(await _skepd.StartAsync());
        await _skepd.InitAsync();
        var random = new Random(2026);
        var answered = new List<string>();
        for (var round = 0; round < 8; round++)
        {
            using var stop = new CancellationTokenSource();
            var writers = Enumerable.Range(0, 4).Select(writer => WriteAsync($"r{round}-w{writer}", answered, stop.Token)).ToList();
            await Task.Delay(random.Next(20, 400));
            await _skepd.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            Assert.Null(await _skepd.StartAsync());
            var there = await _skepd.ServicesAsync();
            Assert.Empty(answered.Except(there));
        }
        Assert.True(answered.Count > 20, $"only {answered.Count} services were answered: the test shows nothing");
    }

    [Fact]
    public async Task A_torn_tail_is_cut_with_a_warning_and_the_rest_is_there()
    {
        await MadeAndKilledAsync();
        await using (var segment = File.Open(LastSegment(), FileMode.Append))
            await segment.WriteAsync(Encoding.ASCII.GetBytes("the power went while this was being wri"));
        Assert.Null(await _skepd.StartAsync());
        Assert.Equal(["one", "three", "two"], await _skepd.ServicesAsync());
        Assert.Contains("WRN", _skepd.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flipped_bit_is_reported_and_refused()
    {
        await MadeAndKilledAsync();
        var path = LastSegment();
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[bytes.Length / 2] ^= 0x10;
        await File.WriteAllBytesAsync(path, bytes);
        Assert.Equal(1, await _skepd.StartAsync());
        AssertOneLine(path);
    }

    [Fact]
    public async Task A_certificate_that_is_gone_is_reported()
    {
        await MadeAndKilledAsync();
        File.Delete(Path.Combine(_skepd.DataDirectory, "certificates", "swarm-node.crt"));
        Assert.Equal(1, await _skepd.StartAsync());
        AssertOneLine("swarm-node.crt");
    }

    [Fact]
    public async Task A_second_skepd_on_the_same_data_is_refused()
    {
        Assert.Null(await _skepd.StartAsync());
        await _skepd.InitAsync();
        var second = await Command.Run(SkepdPeer.Program, ["-H", $"unix://{_skepd.DataDirectory}/other.sock", "--engine", "none", "--data-dir", _skepd.DataDirectory], TimeSpan.FromSeconds(20));
        Assert.Equal(1, second.ExitCode);
        Assert.Single(second.Err.Split('\n'), line => line.StartsWith("skepd:", StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", second.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sigterm_ends_it_with_0_and_a_cluster_can_be_left_and_made_anew()
    {
        Assert.Null(await _skepd.StartAsync());
        await _skepd.InitAsync();
        using (var made = await _skepd.CreateServiceAsync("old"))
            Assert.True(made.IsSuccessStatusCode);
        using (var refused = await _skepd.Client.PostAsync("/v1.41/swarm/leave", null))
            Assert.Equal(503, (int)refused.StatusCode);
        using (var left = await _skepd.Client.PostAsync("/v1.41/swarm/leave?force=1", null))
            Assert.True(left.IsSuccessStatusCode, await left.Content.ReadAsStringAsync());
        await _skepd.InitAsync();
        Assert.Empty(await _skepd.ServicesAsync());
        Assert.Equal(0, await _skepd.StopAsync());
    }

    [Fact]
    public async Task No_file_of_its_data_is_readable_by_others()
    {
        await MadeAndKilledAsync();
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        var readable = Directory.EnumerateFileSystemEntries(_skepd.DataDirectory, "*", SearchOption.AllDirectories).Where(path => (File.GetUnixFileMode(path) & others) != 0);
        Assert.Empty(readable);
    }

    private async Task MadeAndKilledAsync()
    {
        Assert.Null(await _skepd.StartAsync());
        await _skepd.InitAsync();
        foreach (var name in new[] { "one", "two", "three" })
        {
            using var made = await _skepd.CreateServiceAsync(name);
            Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        }
        await _skepd.KillAsync();
    }

    private async Task WriteAsync(string prefix, List<string> answered, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            try
            {
                using var answer = await _skepd.CreateServiceAsync($"{prefix}-{i}");
                if (!answer.IsSuccessStatusCode) continue;
                lock (answered) answered.Add($"{prefix}-{i}");
            }
            catch (HttpRequestException)
            {
                // Killed before it answered: it may be there or not.
            }
        }
    }

    private string LastSegment() => Directory.GetFiles(LogFolder).Where(f => !f.EndsWith(".mark", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Last();

    private void AssertOneLine(string naming)
    {
        var line = Assert.Single(_skepd.Errors.Split('\n'), l => l.StartsWith("skepd:", StringComparison.Ordinal));
        Assert.Contains(naming, line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", _skepd.Errors, StringComparison.Ordinal);
    }
}
