using Skep.Api.Hosting;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class SocketFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("skep-sock");

    private string SocketPath => Path.Combine(_folder.FullName, "s.sock");

    [Fact]
    public void Others_have_no_access()
    {
        using var socket = UnixSocketFile.Bind(SocketPath);
        const UnixFileMode others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.False(OperatingSystem.IsWindows());
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(SocketPath) & others);
    }

    [Fact]
    public void A_stale_file_is_replaced_a_served_one_is_not()
    {
        using (UnixSocketFile.Bind(SocketPath + ".old")) File.Move(SocketPath + ".old", SocketPath); // disposed, it finds nothing to remove: like a killed process
        Assert.True(File.Exists(SocketPath));
        using var second = UnixSocketFile.Bind(SocketPath);
        second.Listen();
        Assert.Contains("another process serves this socket", Assert.Throws<ListenException>(() => UnixSocketFile.Bind(SocketPath)).Message);
    }

    [Fact]
    public void A_file_that_is_no_socket_is_left_alone()
    {
        File.WriteAllText(SocketPath, "precious");
        Assert.Contains("no socket", Assert.Throws<ListenException>(() => UnixSocketFile.Bind(SocketPath)).Message);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
