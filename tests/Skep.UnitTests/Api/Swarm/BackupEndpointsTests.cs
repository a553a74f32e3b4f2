using System.Net;
using Skep.Cli;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

/// <summary>/skep/backup, asked for as skep does.</summary>
public sealed class BackupEndpointsTests
{
    [Fact]
    public async Task It_comes_as_it_was_written()
    {
        await using var host = await SwarmHost.StartAsync();
        var content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        host.Backup = output => output.Write(content);
        Assert.Equal(content, await DownloadAsync(host));
    }

    [Fact]
    public async Task What_fails_in_the_middle_is_not_taken_for_its_end_and_the_next_one_works()
    {
        await using var host = await SwarmHost.StartAsync();
        host.Backup = output =>
        {
            output.Write(new byte[100_000]);
            throw new IOException("something broke");
        };
        var failure = await Assert.ThrowsAsync<CliException>(() => DownloadAsync(host));
        Assert.Contains("ended its answer early", failure.Message, StringComparison.Ordinal);
        host.Backup = output => output.Write("all of it"u8);
        Assert.Equal("all of it"u8.ToArray(), await DownloadAsync(host));
    }

    [Fact]
    public async Task One_at_a_time()
    {
        await using var host = await SwarmHost.StartAsync();
        using var begun = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        host.Backup = _ =>
        {
            begun.Release();
            go.Wait(TimeSpan.FromSeconds(20));
        };
        var first = DownloadAsync(host);
        Assert.True(await begun.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal("a backup is being made at this moment: try again when it is done", await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, "GET", "/skep/backup"));
        go.Set();
        Assert.Empty(await first);
    }

    [Fact]
    public async Task Only_a_manager_has_one()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        Assert.StartsWith("This node is not a swarm manager.", await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, "GET", "/skep/backup"), StringComparison.Ordinal);
    }

    private static async Task<byte[]> DownloadAsync(SwarmHost host)
    {
        using var api = DockerApi.Connect("unix://" + host.SocketPath);
        var content = new MemoryStream();
        await api.DownloadAsync("/skep/backup", content.Write, CancellationToken.None);
        return content.ToArray();
    }
}
