using Grpc.Core;
using Skep.Manager;

namespace Skep.Security;

/// <summary>Refusals as gRPC statuses.</summary>
internal static class RpcErrors
{
    public static RpcException NoCluster() => new(new Status(StatusCode.Unavailable, "this manager has no cluster yet"));

    public static RpcException From(ControlException refusal) => new(new Status(refusal.Error switch
    {
        ControlError.InvalidArgument => StatusCode.InvalidArgument,
        ControlError.NotFound => StatusCode.NotFound,
        ControlError.AlreadyExists => StatusCode.AlreadyExists,
        ControlError.PermissionDenied => StatusCode.PermissionDenied,
        ControlError.FailedPrecondition => StatusCode.FailedPrecondition,
        ControlError.Unavailable => StatusCode.Unavailable,
        ControlError.Unimplemented => StatusCode.Unimplemented,
        ControlError.Internal => StatusCode.Internal,
        _ => StatusCode.Unknown,
    }, refusal.Message));
}
