using Grpc.Core;

namespace Skep.Wire;

/// <summary>Who makes a call: set once by the authorization of the cluster port, read by the services behind it.</summary>
public static class CallIdentity
{
    private static readonly object Key = typeof(CallIdentity);

    public static void SetNode(this ServerCallContext context, NodeIdentity node) => context.UserState[Key] = node;

    /// <summary>The authorized caller.</summary>
    /// <exception cref="RpcException">Unauthenticated: the call came without a certificate of this cluster.</exception>
    public static NodeIdentity GetNode(this ServerCallContext context) =>
        context.UserState.TryGetValue(Key, out var node)
            ? (NodeIdentity)node
            : throw new RpcException(new Status(StatusCode.Unauthenticated, "no certificate of this cluster was presented"));
}
