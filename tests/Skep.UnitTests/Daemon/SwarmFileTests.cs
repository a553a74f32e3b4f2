using Skep.Storage;
using Xunit;

namespace Skep.UnitTests.Daemon;

public sealed class SwarmFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("skep-swarm-file").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back_and_only_its_owner_can_read_it()
    {
        var file = Some();
        file.Write(_folder);
        Assert.Equivalent(file, SwarmFile.Read(_folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SwarmFile.PathIn(_folder)));
    }

    [Fact]
    public void No_file_means_no_cluster() => Assert.Null(SwarmFile.Read(_folder));

    [Fact]
    public void A_damaged_file_is_named()
    {
        File.WriteAllText(SwarmFile.PathIn(_folder), "{ half");
        Assert.Contains("swarm.json is damaged", Assert.Throws<InvalidDataException>(() => SwarmFile.Read(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_newer_version_says_to_upgrade()
    {
        (Some() with { Format = SwarmFile.CurrentFormat + 1 }).Write(_folder);
        Assert.Contains("upgrade skepd", Assert.Throws<InvalidDataException>(() => SwarmFile.Read(_folder)).Message, StringComparison.Ordinal);
    }

    private static SwarmFile Some() => new() { ManagerId = "m", RaftId = 7, ListenAddr = "0.0.0.0:2377", AdvertiseAddr = "192.0.2.7:2377", NodeId = "n", Peers = [new SwarmPeer(9, "192.0.2.9:2377")] };
}
