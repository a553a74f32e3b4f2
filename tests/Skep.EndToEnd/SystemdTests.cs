using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>What skepd tells systemd (Type=notify). Needs no engine.</summary>
public sealed class SystemdTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Ready_when_the_api_answers_and_stopping_when_told_to_end()
    {
        var folder = Directory.CreateTempSubdirectory("skep-notify");
        try
        {
            using var notified = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            notified.Bind(new UnixDomainSocketEndPoint($"{folder.FullName}/notify"));
            var api = $"unix://{folder.FullName}/skep.sock";
            var start = new ProcessStartInfo(SkepdPeer.Program, ["-H", api, "--engine", "none", "--data-dir", $"{folder.FullName}/data"])
            {
                Environment = { ["NOTIFY_SOCKET"] = $"{folder.FullName}/notify" },
            };
            using var skepd = Process.Start(start)!;
            try
            {
                Assert.Equal("READY=1", await Told(notified));
                using var client = EngineHttp.Client(api);
                Assert.True((await client.GetAsync("/_ping")).IsSuccessStatusCode);
                (await Command.Run("kill", ["-TERM", $"{skepd.Id}"], Limit)).OrFail();
                Assert.Equal("STOPPING=1", await Told(notified));
                using var deadline = new CancellationTokenSource(Limit);
                await skepd.WaitForExitAsync(deadline.Token);
                Assert.Equal(0, skepd.ExitCode);
            }
            finally
            {
                if (!skepd.HasExited) skepd.Kill();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> Told(Socket socket)
    {
        using var deadline = new CancellationTokenSource(Limit);
        var buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, deadline.Token));
    }
}
