using Skep.Manager;

namespace Skep.Dispatch.Leader;

/// <summary>Sends inputs to the leader, in two lanes: a call is answered as a whole, so what goes first there must not be in one with a thousand others.</summary>
public sealed class LeaderLink(ILeaderLocator locator, TimeProvider time) : ILeaderLink, IAsyncDisposable
{
    /// <summary>An election takes 1 to 2 s, and may need a second round.</summary>
    private static readonly TimeSpan LeaderPatience = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan LeaderPoll = TimeSpan.FromMilliseconds(20);

    private readonly LeaderLane _first = new(locator, time);
    private readonly LeaderLane _others = new(locator, time);
    private volatile bool _closing;

    public Task<LeaderAnswer> SubmitAsync(Input input, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(input);
        return (input.GoesFirst ? _first : _others).SubmitAsync(input, cancellation);
    }

    public async Task WaitForLeaderAsync(CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (!locator.HasLeader)
        {
            if (time.GetElapsedTime(began) > LeaderPatience || _closing)
                throw ManagerService.NoLeader();
            await Task.Delay(LeaderPoll, time, cancellation);
        }
        // Known, but perhaps not yet at work: whoever is sent back at once must not spin.
        await Task.Delay(LeaderPoll, time, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _closing = true;
        await _first.DisposeAsync();
        await _others.DisposeAsync();
    }
}
