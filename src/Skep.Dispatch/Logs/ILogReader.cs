namespace Skep.Dispatch.Logs;

/// <summary>The logs of tasks, asked for at the engines that run them.</summary>
public interface ILogReader
{
    /// <summary>
    /// Messages as the engines send them: in order for each task, mixed between tasks. Without follow it ends when every engine has sent
    /// what it has; with follow only by cancelling. A slow reader slows the engines down, nothing is dropped.
    /// </summary>
    /// <param name="selector">Services or tasks by their whole ids; what is not known is passed over.</param>
    /// <param name="options">As SwarmKit understands them; tail: 0 is all, -1 none, -2 the last line, …</param>
    /// <param name="cancellation">Ends the reading; the engines are told.</param>
    /// <exception cref="LogsIncompleteException">After all messages: some engine did not send what it has.</exception>
    /// <exception cref="Manager.ControlException">Unavailable: too many read at once, or this manager stops.</exception>
    IAsyncEnumerable<Wire.LogMessage> ReadAsync(Wire.LogSelector selector, Wire.LogSubscriptionOptions options, CancellationToken cancellation);
}

/// <summary>Some logs could not be had; the message says of which nodes and why, in SwarmKit's words.</summary>
public sealed class LogsIncompleteException(IEnumerable<string> reasons)
    : Exception($"warning: incomplete log stream. some logs could not be retrieved for the following reasons: {string.Join(", ", reasons)}");
