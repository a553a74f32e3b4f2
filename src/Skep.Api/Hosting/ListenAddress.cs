using System.Globalization;
using System.Net;

namespace Skep.Api.Hosting;

/// <summary>One -H: where the API is served.</summary>
public abstract record ListenAddress
{
    /// <summary>Docker's ports: 2375 in the clear, 2376 with TLS.</summary>
    private const int ClearPort = 2375, TlsPort = 2376;

    private ListenAddress()
    {
    }

    /// <param name="Path">Absolute path of the socket file, at most 107 bytes (the kernel's limit).</param>
    public sealed record Unix(string Path) : ListenAddress
    {
        public override string ToString() => "unix://" + Path;
    }

    /// <param name="Address">Address to bind; the unspecified one stands for all.</param>
    /// <param name="Port">0 lets the kernel choose.</param>
    public sealed record Tcp(IPAddress Address, int Port) : ListenAddress
    {
        /// <summary>Reached by nobody but processes of this host.</summary>
        public bool IsLoopback => IPAddress.IsLoopback(Address);

        public override string ToString() => "tcp://" + new IPEndPoint(Address, Port);
    }

    /// <summary>
    /// Reads "unix:///run/skep.sock", "tcp://10.0.0.1:2376", "tcp://[::1]:2376", "tcp://localhost". A missing host is 127.0.0.1,
    /// a missing port 2376 with TLS and 2375 without, as with dockerd.
    /// </summary>
    /// <exception cref="FormatException">The message says what is wrong with it.</exception>
    public static ListenAddress Parse(string text, bool tls)
    {
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        var kind = scheme < 0 ? "" : text[..scheme];
        var rest = scheme < 0 ? text : text[(scheme + 3)..];
        return kind switch
        {
            "unix" => ParseUnix(text, rest),
            "tcp" => ParseTcp(text, rest, tls),
            _ => throw Bad(text, $"unsupported proto '{kind}', use unix:///path or tcp://address:port"),
        };
    }

    private static Unix ParseUnix(string text, string path)
    {
        if (!path.StartsWith('/')) throw Bad(text, "a socket is named by an absolute path, as in unix:///run/skep.sock");
        if (System.Text.Encoding.UTF8.GetByteCount(path) > 107) throw Bad(text, "the path of a socket may hold at most 107 bytes");
        return new Unix(path);
    }

    private static Tcp ParseTcp(string text, string rest, bool tls)
    {
        if (rest.Contains('/')) throw Bad(text, "should not contain a path element");
        var host = rest;
        var port = tls ? TlsPort : ClearPort;
        var colon = rest.LastIndexOf(':');
        if (colon >= 0 && !rest.EndsWith(']'))
        {
            host = rest[..colon];
            if (!int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > 65535)
                throw Bad(text, $"invalid port ':{rest[(colon + 1)..]}'");
        }
        if (host is "" or "localhost") return new Tcp(IPAddress.Loopback, port);
        var bare = host.StartsWith('[') && host.EndsWith(']') ? host[1..^1] : host;
        if (!IPAddress.TryParse(bare, out var address) || (bare.Contains(':') != (bare.Length != host.Length)))
            throw Bad(text, "give an IP address of this host (IPv6 in brackets)");
        return new Tcp(address, port);
    }

    private static FormatException Bad(string text, string why) => new($"invalid bind address ({text}): {why}");
}
