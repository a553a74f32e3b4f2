namespace Skep.Security.External;

/// <summary>An external CA cannot be reached, refused, or answered with something that is not what was asked for.</summary>
public sealed class ExternalAuthorityException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>It did not even take the request.</summary>
    public bool IsUnreachable { get; init; }
}
