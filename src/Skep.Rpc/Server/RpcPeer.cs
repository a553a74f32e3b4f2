using System.Net;
using System.Net.Sockets;

namespace Skep.Rpc.Server;

/// <summary>Who is at the other end of a connection, as whoever let it in found out.</summary>
/// <param name="address">Of the peer.</param>
/// <param name="transport">Carries the connection's bytes; the connection ends it.</param>
public class RpcPeer(IPEndPoint address, Stream transport)
{
    private string? _name;

    public IPEndPoint Address { get; } = address;

    /// <summary>The address as gRPC writes it: ipv4:10.0.0.1:50000 or ipv6:[fd00::1]:50000.</summary>
    public string Name => _name ??= $"{(Address.AddressFamily == AddressFamily.InterNetwork ? "ipv4" : "ipv6")}:{Address}";

    internal Stream Transport { get; } = transport;
}
