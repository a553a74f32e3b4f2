using Grpc.Core;

namespace Skep.Security;

/// <summary>Refusals of Security's own.</summary>
internal static class RpcErrors
{
    public static RpcException NoCluster() => new(new Status(StatusCode.Unavailable, "this manager has no cluster yet"));
}
