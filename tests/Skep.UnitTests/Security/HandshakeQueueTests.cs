using Microsoft.Extensions.Time.Testing;
using Skep.Security;
using Xunit;

namespace Skep.UnitTests.Security;

public sealed class HandshakeQueueTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider _time = new();
    private readonly HandshakeQueue _queue;

    public HandshakeQueueTests() => _queue = new HandshakeQueue(2, Longest, _time);

    [Fact]
    public async Task Only_so_many_at_a_time_and_the_newest_is_next()
    {
        var first = await _queue.EnterAsync(CancellationToken.None);
        await _queue.EnterAsync(CancellationToken.None);
        var older = _queue.EnterAsync(CancellationToken.None);
        var newer = _queue.EnterAsync(CancellationToken.None);
        Assert.False(older.IsCompleted || newer.IsCompleted);
        first.Dispose();
        (await newer).Dispose();
        await older;
    }

    [Fact]
    public async Task A_place_is_given_back_once()
    {
        var first = await _queue.EnterAsync(CancellationToken.None);
        await _queue.EnterAsync(CancellationToken.None);
        first.Dispose();
        first.Dispose();
        await _queue.EnterAsync(CancellationToken.None);
        Assert.False(_queue.EnterAsync(CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task Who_takes_longer_no_longer_counts()
    {
        await _queue.EnterAsync(CancellationToken.None);
        await _queue.EnterAsync(CancellationToken.None);
        var next = _queue.EnterAsync(CancellationToken.None);
        _time.Advance(Longest);
        await next;
    }

    [Fact]
    public async Task Who_has_gone_waits_no_more_and_takes_no_place()
    {
        var first = await _queue.EnterAsync(CancellationToken.None);
        await _queue.EnterAsync(CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var left = _queue.EnterAsync(gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        first.Dispose();
        await _queue.EnterAsync(CancellationToken.None);
    }
}
