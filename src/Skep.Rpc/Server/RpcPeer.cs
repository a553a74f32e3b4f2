using System.Net;
using System.Net.Sockets;
using Skep.Rpc.Polling;

namespace Skep.Rpc.Server;

/// <summary>Who is at the other end of a connection, as whoever let it in found out.</summary>
/// <param name="address">Of the peer.</param>
/// <param name="bytes">The connection.</param>
/// <param name="transport">Carries what is said on it (TLS, or the bytes as they are); the connection ends it.</param>
public class RpcPeer(IPEndPoint address, PolledStream bytes, Stream transport)
{
    private string? _name;

    public IPEndPoint Address { get; } = address;

    /// <summary>The address as gRPC writes it: ipv4:10.0.0.1:50000 or ipv6:[fd00::1]:50000.</summary>
    public string Name => _name ??= $"{(Address.AddressFamily == AddressFamily.InterNetwork ? "ipv4" : "ipv6")}:{Address}";

    /// <summary>See <see cref="PolledStream.HasUnread"/>.</summary>
    public bool HasUnread => bytes.HasUnread;

    internal Stream Transport { get; } = transport;
}
