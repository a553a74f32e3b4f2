using Skep.Manager;

namespace Skep.Api.Swarm;

/// <summary>A manager's refusal as stock's daemon tells it: gRPC's words before the message, and the HTTP code it maps them to.</summary>
internal static class ControlRefusal
{
    public static ApiException ToApi(ControlException refusal)
    {
        var (code, status) = refusal.Error switch
        {
            ControlError.InvalidArgument => ("InvalidArgument", 400),
            ControlError.NotFound => ("NotFound", 404),
            ControlError.AlreadyExists => ("AlreadyExists", 409),
            ControlError.PermissionDenied => ("PermissionDenied", 403),
            ControlError.FailedPrecondition => ("FailedPrecondition", 400),
            ControlError.OutOfSequence => ("Unknown", 500),
            ControlError.Unavailable => ("Unavailable", 503),
            ControlError.Unimplemented => ("Unimplemented", 501),
            _ => ("Internal", 500),
        };
        return new ApiException(status, $"rpc error: code = {code} desc = {refusal.Message}", refusal);
    }
}
