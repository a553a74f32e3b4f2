namespace Skep.Manager;

/// <summary>Why a request was refused: gRPC's words, which the API turns into HTTP codes as stock does.</summary>
public enum ControlError
{
    /// <summary>HTTP 400.</summary>
    InvalidArgument,

    /// <summary>HTTP 404.</summary>
    NotFound,

    /// <summary>HTTP 409.</summary>
    AlreadyExists,

    /// <summary>HTTP 403 in stock's mapping of gRPC's PermissionDenied.</summary>
    PermissionDenied,

    /// <summary>HTTP 400: the state does not allow it.</summary>
    FailedPrecondition,

    /// <summary>HTTP 500: another writer was first ("update out of sequence" is Unknown in stock, and so HTTP 500).</summary>
    OutOfSequence,

    /// <summary>HTTP 503: no leader, or it was lost while the request waited; the outcome is not known.</summary>
    Unavailable,

    /// <summary>HTTP 501.</summary>
    Unimplemented,

    /// <summary>HTTP 500: a fault of ours.</summary>
    Internal,
}

/// <summary>A request was refused. The message is what the user reads.</summary>
public sealed class ControlException(ControlError error, string message) : Exception(message)
{
    public ControlError Error { get; } = error;
}
