using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>On the real disk.</summary>
[SupportedOSPlatform("linux")]
public sealed class DiskTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("skep-log-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_restart()
    {
        await using (var replica = await Open(ReplicaStart.NewGroup, new ListMachine()))
        {
            for (var i = 0; i < 20; i++)
                await replica.ProposeAsync(Encoding.UTF8.GetBytes($"entry {i}"));
        }
        var machine = new ListMachine();
        await using var again = await Open(ReplicaStart.Existing, machine);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"entry {i}"), machine.Applied);
    }

    [Fact]
    public async Task Only_the_owner_can_read_what_is_written()
    {
        await using (await Open(ReplicaStart.NewGroup, new ListMachine()))
        {
        }
        var data = Path.Combine(_directory, "raft");
        Assert.NotEmpty(Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories));
        foreach (var file in Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        foreach (var directory in Directory.EnumerateDirectories(data, "*", SearchOption.AllDirectories).Append(data))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }

    [Fact]
    public async Task Two_replicas_cannot_share_a_directory()
    {
        await using var replica = await Open(ReplicaStart.NewGroup, new ListMachine());
        await Assert.ThrowsAsync<IOException>(() => Open(ReplicaStart.Existing, new ListMachine()));
    }

    [Fact]
    public void A_missing_directory_cannot_be_synced() =>
        Assert.Throws<IOException>(() => new DiskFileSystem().SyncDirectory(Path.Combine(_directory, "missing")));

    private Task<Replica> Open(ReplicaStart start, IStateMachine machine) => Replica.OpenAsync(
        new ReplicaOptions { Directory = Path.Combine(_directory, "raft"), NodeId = 1, Start = start, Cipher = SteppedReplica.Cipher },
        machine, TimeProvider.System, null, NullLogger.Instance);
}
