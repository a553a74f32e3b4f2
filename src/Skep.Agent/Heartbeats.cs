using Grpc.Core;
using Skep.Agent.Rpc;

namespace Skep.Agent;

/// <summary>When heartbeats are due, for all agents of a process: on one timer.</summary>
public sealed class HeartbeatClock : IDisposable
{
    /// <summary>A small part of the half second by which managers spread the periods.</summary>
    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(50);

    private readonly DueQueue<(Heartbeats Heartbeats, int Turn)> _due;

    /// <param name="time">The clock.</param>
    public HeartbeatClock(TimeProvider time) => _due = new DueQueue<(Heartbeats Heartbeats, int Turn)>(static due => due.Heartbeats.Due(due.Turn), Grain, time);

    public void Dispose() => _due.Dispose();

    internal void Add(Heartbeats heartbeats, int turn, TimeSpan delay) => _due.Add((heartbeats, turn), delay);
}

/// <summary>A session's heartbeats: one at once, the next when the manager says. One that is not answered in time ends them.</summary>
internal sealed class Heartbeats(ManagerConnection connection, Func<bool> hasUnread, string sessionId, HeartbeatClock clock, IAgentObserver observer, TimeProvider time, Action<RpcException> failed)
{
    /// <summary>As engines: for the answer.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long an answer that may lie unread is waited for, again and again.</summary>
    private static readonly TimeSpan UnreadPatience = TimeSpan.FromSeconds(1);

    /// <summary>Managers wait for so many periods before a silent node is down.</summary>
    private const int GraceFactor = 3;

    private readonly UnaryCall<Wire.HeartbeatResponse> _call = new(Wire.HeartbeatResponse.Parser);
    private readonly Wire.HeartbeatRequest _request = new() { SessionId = sessionId };
    private TimeSpan _grace = TimeSpan.MaxValue;
    private long _lastAnswer = time.GetTimestamp();
    private long _lastSent;

    /// <summary>Each heartbeat takes two turns of the clock: an odd one, within which it is to be answered, and an even one, until the next is sent.</summary>
    private int _turn;

    private volatile bool _hasEnded;

    public void Begin() => _ = BeatAsync();

    /// <summary>None is sent any more.</summary>
    public void End() => _hasEnded = true;

    /// <summary>The time of this turn is over.</summary>
    public void Due(int turn)
    {
        if (_hasEnded || Volatile.Read(ref _turn) != turn)
            return;
        if (turn % 2 == 0)
            _ = BeatAsync();
        // An engine has a machine to itself and reads at once: that thousands share this process must not cost one its session.
        else if (hasUnread())
            clock.Add(this, turn, UnreadPatience);
        else
            GiveUp();
    }

    private void GiveUp()
    {
        observer.HeartbeatEnded(time.GetElapsedTime(_lastSent), late: true);
        failed(new RpcException(new Status(StatusCode.DeadlineExceeded, "a heartbeat was not answered in time")));
    }

    private async Task BeatAsync()
    {
        var sent = _lastSent = time.GetTimestamp();
        clock.Add(this, Interlocked.Increment(ref _turn), AnswerTimeout);
        try
        {
            var answer = await _call.InvokeAsync(connection, RpcMethod.Heartbeat, _request).ConfigureAwait(false);
            var answered = time.GetTimestamp();
            observer.HeartbeatEnded(time.GetElapsedTime(sent, answered), late: time.GetElapsedTime(_lastAnswer, answered) > _grace);
            _lastAnswer = answered;
            var period = answer.Period.ToTimeSpan();
            _grace = period * GraceFactor;
            clock.Add(this, Interlocked.Increment(ref _turn), period);
        }
        catch (RpcException e)
        {
            failed(e);
        }
    }
}
