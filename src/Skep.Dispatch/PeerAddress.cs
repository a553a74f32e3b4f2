using System.Net;
using Grpc.Core;

namespace Skep.Dispatch;

/// <summary>The caller's IP address, without port.</summary>
internal static class PeerAddress
{
    /// <summary>Empty: the call came by no connection.</summary>
    public static string Of(ServerCallContext context)
    {
        // ipv4:10.0.0.1:50000 or ipv6:[fd00::1]:50000
        var peer = context.Peer;
        return IPEndPoint.TryParse(peer.AsSpan(peer.IndexOf(':', StringComparison.Ordinal) + 1), out var address) ? address.Address.ToString() : "";
    }
}
