using Grpc.Core;
using Skep.Manager;

namespace Skep.Dispatch;

/// <summary>The manager's refusals as engines understand them.</summary>
internal static class GrpcErrors
{
    public static async Task<T> TranslateAsync<T>(Task<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            throw new RpcException(new Status(CodeOf(e.Error), e.Message));
        }
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
