using Grpc.Core;

namespace Skep.Dispatch;

/// <summary>The caller's IP address, without port.</summary>
internal static class PeerAddress
{
    public static string Of(ServerCallContext context)
    {
        var address = context.GetHttpContext().Connection.RemoteIpAddress;
        if (address is null)
            return "";
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }
}
