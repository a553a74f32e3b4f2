namespace Skep.Api;

/// <summary>
/// A failure that the client is told: it becomes the answer <c>{"message": …}</c> with this status code.
/// Throw it from any handler. The message is one line and says what to do where something can be done.
/// </summary>
public class ApiException : Exception
{
    /// <summary>HTTP status code, 400..599.</summary>
    public int StatusCode { get; }

    public ApiException(int statusCode, string message, Exception? inner = null) : base(message, inner)
    {
        StatusCode = statusCode;
    }
}
