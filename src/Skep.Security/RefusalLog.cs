using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Skep.Security;

/// <summary>
/// Where refusals are logged: one line each, but never more than a bounded number, because strangers on the network can cause as
/// many as they like.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
public sealed class RefusalLog(TimeProvider time, ILogger<RefusalLog> logger)
{
    /// <summary>Lines in one <see cref="Window"/>; enough for a few hundred nodes that all come with a rotated token.</summary>
    private const int MaxLines = 200;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private DateTimeOffset _windowEnd = DateTimeOffset.MinValue;
    private int _lines;
    private int _dropped;

    /// <summary>A connection that is not let in.</summary>
    /// <param name="address">Whose.</param>
    /// <param name="reason">Why.</param>
    public void Connection(object? address, string reason)
    {
        SecurityMetrics.Refusals.WithLabels("connection").Inc();
        if (MayWrite())
            logger.LogWarning("refused a connection from {Address}: {Reason}", address, reason);
    }

    /// <summary>A call that is not allowed.</summary>
    /// <param name="method">As gRPC writes it.</param>
    /// <param name="address">The caller's.</param>
    /// <param name="nodeId">From the caller's certificate, if any.</param>
    /// <param name="reason">Why.</param>
    public void Call(string method, string address, string? nodeId, string reason)
    {
        SecurityMetrics.Refusals.WithLabels("call").Inc();
        if (MayWrite())
            logger.LogWarning("refused {Method} from {Address} ({Node}): {Reason}", method, address, nodeId ?? "no certificate", reason);
    }

    /// <summary>Notes a request for a certificate that gets none, and makes the answer to it.</summary>
    public RpcException Refuse(ServerCallContext context, StatusCode code, string reason)
    {
        ArgumentNullException.ThrowIfNull(context);
        Certificate(context.Peer, reason);
        return new RpcException(new Status(code, reason));
    }

    /// <summary>A request for a certificate that gets none.</summary>
    /// <param name="address">Whose.</param>
    /// <param name="reason">Why.</param>
    public void Certificate(string address, string reason)
    {
        SecurityMetrics.Refusals.WithLabels("certificate").Inc();
        if (MayWrite())
            logger.LogWarning("no certificate for {Address}: {Reason}", address, reason);
    }

    private bool MayWrite()
    {
        int dropped;
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (now < _windowEnd)
            {
                if (_lines++ < MaxLines)
                    return true;
                _dropped++;
                return false;
            }
            dropped = _dropped;
            _windowEnd = now + Window;
            _lines = 1;
            _dropped = 0;
        }
        if (dropped > 0)
            logger.LogWarning("{Count} more refusals were not logged", dropped);
        return true;
    }
}
