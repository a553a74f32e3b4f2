using System.Net.Sockets;

namespace Skep.Api.Engine;

/// <summary>Where the local Docker Engine listens: a unix socket, or nowhere on a host that runs only skepd.</summary>
public sealed record EngineAddress
{
    /// <summary>No engine on this host.</summary>
    public static readonly EngineAddress None = new((string?)null);

    /// <summary>Absolute path of the engine's socket; null when there is no engine.</summary>
    public string? SocketPath { get; }

    private EngineAddress(string? socketPath) => SocketPath = socketPath;

    /// <summary>Reads "unix:///var/run/docker.sock" or "none".</summary>
    /// <exception cref="FormatException">Anything else; the message says what is expected.</exception>
    public static EngineAddress Parse(string text)
    {
        if (text == "none") return None;
        const string scheme = "unix://";
        if (text.StartsWith(scheme, StringComparison.Ordinal) && text.Length > scheme.Length && text[scheme.Length] == '/')
            return new EngineAddress(text[scheme.Length..]);
        throw new FormatException($"invalid engine address '{text}': give unix:///path/to/docker.sock or none");
    }

    public override string ToString() => SocketPath is null ? "none" : "unix://" + SocketPath;

    /// <summary>A fresh connection to the engine.</summary>
    internal async ValueTask<NetworkStream> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath ?? throw new EngineUnavailableException(this)), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
