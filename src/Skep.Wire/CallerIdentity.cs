using Grpc.Core;

namespace Skep.Wire;

/// <summary>Who makes a call, as the check of its certificate left it with the call.</summary>
public static class CallerIdentity
{
    private static readonly object Key = new();

    /// <summary>The node that calls. Its certificate, its role for this call and its membership were checked before the service was reached.</summary>
    /// <exception cref="RpcException">PermissionDenied: the call came without a certificate of this cluster.</exception>
    public static NodeIdentity GetNode(this ServerCallContext context) =>
        context.FindNode() ?? throw new RpcException(new Status(StatusCode.PermissionDenied, "no client certificates in request"));

    /// <summary>As <see cref="GetNode"/>; null when the call came without a certificate of this cluster (only joins get so far).</summary>
    public static NodeIdentity? FindNode(this ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.UserState.TryGetValue(Key, out var node) ? (NodeIdentity)node : null;
    }

    /// <summary>For whoever has checked the certificate.</summary>
    public static void SetNode(this ServerCallContext context, NodeIdentity node)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.UserState[Key] = node;
    }
}
