using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Xunit;

namespace Skep.UnitTests.Security;

public class ClusterPortTests
{
    [Fact]
    public async Task Garbage_is_turned_away_with_a_line_in_the_log()
    {
        await using var cluster = await TestCluster.StartAsync();

        var answer = await SendAsync(cluster, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));

        Assert.Empty(answer);
        await cluster.Log.ExpectAsync("Warning", "refused a connection from 127.0.0.1", "does not speak TLS", "0x47");
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task Garbage_that_begins_like_TLS_is_turned_away_too()
    {
        await using var cluster = await TestCluster.StartAsync();

        await SendAsync(cluster, [0x16, 0x03, 0x01, 0x00, 0x04, 0xde, 0xad, 0xbe, 0xef]);

        await cluster.Log.ExpectAsync("Warning", "refused a connection from 127.0.0.1", "the TLS handshake failed");
        Assert.NotNull(await cluster.JoinAsync());
    }

    [Fact]
    public async Task TLS_1_1_is_refused()
    {
        await using var cluster = await TestCluster.StartAsync();

        // A hello that offers TLS 1.1 at most, written by hand, since no TLS library of today still makes one.
        byte[] random = new byte[32];
        byte[] hello = [0x03, 0x02, .. random, 0x00, 0x00, 0x02, 0xc0, 0x09, 0x01, 0x00];
        byte[] handshake = [0x01, 0x00, 0x00, (byte)hello.Length, .. hello];
        var answer = await SendAsync(cluster, [0x16, 0x03, 0x01, 0x00, (byte)handshake.Length, .. handshake]);

        // A fatal alert, protocol_version.
        Assert.Equal((byte)0x15, answer[0]);
        Assert.Equal([0x02, 0x46], answer[5..7]);
        await cluster.Log.ExpectAsync("Warning", "the TLS handshake failed");
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task TLS_1_2_and_1_3_speak_HTTP_2(SslProtocols protocol)
    {
        await using var cluster = await TestCluster.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(cluster.EndPoint);
        await using var tls = new SslStream(socket.GetStream(), false, static (_, certificate, _, _) => certificate is not null);

        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "swarm-manager",
            EnabledSslProtocols = protocol,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        });

        Assert.Equal(protocol, tls.SslProtocol);
        Assert.Equal(SslApplicationProtocol.Http2, tls.NegotiatedApplicationProtocol);
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_to_the_next_connection()
    {
        await using var cluster = await TestCluster.StartAsync();
        var before = await ShownAsync(cluster);
        using var root = Skep.Security.RootCertificateAuthority.Load(cluster.Current.RootCa.CaCert, cluster.Current.RootCa.CaKey);

        cluster.Certificate.Renew(root, cluster.Time.GetUtcNow());

        Assert.NotEqual(before, await ShownAsync(cluster));
    }

    [Fact]
    public async Task Http2_is_spoken_without_being_negotiated_as_engines_do_once_they_have_renewed_their_certificate()
    {
        await using var cluster = await TestCluster.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(cluster.EndPoint);
        await using var tls = new SslStream(socket.GetStream(), false, static (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "swarm-manager" });

        // The preface and an empty SETTINGS frame.
        await tls.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray());
        var frame = new byte[9];
        await tls.ReadExactlyAsync(frame).AsTask().WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal(4, frame[3]);
    }

    private static async Task<string> ShownAsync(TestCluster cluster)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(cluster.EndPoint);
        await using var tls = new SslStream(socket.GetStream(), false, static (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "swarm-manager", ApplicationProtocols = [SslApplicationProtocol.Http2] });
        return tls.RemoteCertificate!.GetSerialNumberString();
    }

    /// <summary>Sends and reads until the other side closes.</summary>
    private static async Task<byte[]> SendAsync(TestCluster cluster, byte[] bytes)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        using var socket = new TcpClient();
        await socket.ConnectAsync(cluster.EndPoint);
        var stream = socket.GetStream();
        await stream.WriteAsync(bytes);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, timeout.Token);
        }
        catch (IOException)
        {
            // Reset is an end as well.
        }
        return answer.ToArray();
    }
}
