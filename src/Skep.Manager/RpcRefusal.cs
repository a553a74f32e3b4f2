using Grpc.Core;

namespace Skep.Manager;

/// <summary>A refusal as engines and other managers understand it.</summary>
public static class RpcRefusal
{
    public static RpcException ToRpc(this ControlException refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return new RpcException(new Status(CodeOf(refusal.Error), refusal.Message));
    }

    private static StatusCode CodeOf(ControlError error) => error switch
    {
        ControlError.InvalidArgument => StatusCode.InvalidArgument,
        ControlError.NotFound => StatusCode.NotFound,
        ControlError.AlreadyExists => StatusCode.AlreadyExists,
        ControlError.PermissionDenied => StatusCode.PermissionDenied,
        ControlError.FailedPrecondition => StatusCode.FailedPrecondition,
        ControlError.Unavailable => StatusCode.Unavailable,
        ControlError.Unimplemented => StatusCode.Unimplemented,
        ControlError.OutOfSequence => StatusCode.Unknown,
        _ => StatusCode.Internal,
    };
}
