namespace Skep.Manager.Control;

/// <summary>Refusals that many calls share, in the stock manager's words.</summary>
internal static class Refusals
{
    public static ControlException InvalidArgument(string message = "invalid argument") => new(ControlError.InvalidArgument, message);

    public static ControlException FailedPrecondition(string message) => new(ControlError.FailedPrecondition, message);

    public static ControlException Unimplemented(string message) => new(ControlError.Unimplemented, message);

    public static ControlException AlreadyExists(string message) => new(ControlError.AlreadyExists, message);

    public static ControlException NotFound(string kind, string id) => new(ControlError.NotFound, $"{kind} {id} not found");

    /// <summary>The object was changed since the caller has read it: nobody overwrites what he has not seen.</summary>
    public static void ThrowIfOutOfSequence(Wire.Version? seen, Wire.Meta present)
    {
        if (seen is null)
            throw InvalidArgument();
        if (seen.Index != present.Version.Index)
            throw new ControlException(ControlError.OutOfSequence, "update out of sequence");
    }
}
