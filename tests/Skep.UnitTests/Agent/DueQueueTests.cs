using Microsoft.Extensions.Time.Testing;
using Skep.Agent;
using Xunit;

namespace Skep.UnitTests.Agent;

public sealed class DueQueueTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<(int Item, double At)> _handled = [];
    private readonly DueQueue<int> _queue;
    private readonly DateTimeOffset _began;

    public DueQueueTests()
    {
        _began = _time.GetUtcNow();
        _queue = new DueQueue<int>(item => _handled.Add((item, (_time.GetUtcNow() - _began).TotalMilliseconds)), TimeSpan.FromMilliseconds(10), _time);
    }

    [Fact]
    public void Each_is_handled_once_at_its_time_or_up_to_the_grain_later()
    {
        _time.Advance(TimeSpan.FromMilliseconds(3));
        int[] delays = [250, 0, 41, 44, 100, 7];
        foreach (var delay in delays)
            _queue.Add(delay, TimeSpan.FromMilliseconds(delay));
        for (var i = 0; i < 500; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(delays.Order(), _handled.Select(one => one.Item));
        Assert.All(_handled, one => Assert.InRange(one.At - (one.Item + 3), 0, 10));
    }

    [Fact]
    public void Those_of_one_grain_are_handled_together_in_the_order_in_which_they_came()
    {
        foreach (var delay in new[] { 19, 12, 15 })
            _queue.Add(delay, TimeSpan.FromMilliseconds(delay));
        _time.Advance(TimeSpan.FromMilliseconds(30));
        Assert.Equal([19, 12, 15], _handled.Select(one => one.Item));
    }

    [Fact]
    public void What_was_due_while_nobody_looked_is_handled_in_the_order_of_its_times()
    {
        _queue.Add(2, TimeSpan.FromMilliseconds(200));
        _queue.Add(1, TimeSpan.FromMilliseconds(100));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([1, 2], _handled.Select(one => one.Item));
        _queue.Add(3, TimeSpan.FromMilliseconds(100));
        _time.Advance(TimeSpan.FromMilliseconds(110));
        Assert.Equal([1, 2, 3], _handled.Select(one => one.Item));
    }

    public void Dispose() => _queue.Dispose();
}
