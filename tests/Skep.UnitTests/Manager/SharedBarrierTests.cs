using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Manager;

public sealed class SharedBarrierTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly List<TaskCompletionSource> _asked = [];
    private readonly SharedBarrier _barrier;

    public SharedBarrierTests() => _barrier = new SharedBarrier(_ =>
    {
        lock (_asked)
        {
            _asked.Add(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            return _asked[^1].Task;
        }
    });

    [Fact]
    public async Task Who_asks_while_one_is_under_way_shares_the_next_one_and_is_not_content_with_that_one()
    {
        var first = _barrier.WaitAsync(default);
        await AskedAsync(1);
        var later = Enumerable.Range(0, 1000).Select(_ => _barrier.WaitAsync(default)).ToList();
        _asked[0].SetResult();
        await first.WaitAsync(Soon);
        await AskedAsync(2);
        Assert.All(later, call => Assert.False(call.IsCompleted));
        _asked[1].SetResult();
        await Task.WhenAll(later).WaitAsync(Soon);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task A_failure_is_told_to_those_who_shared_it_and_the_next_ones_ask_anew()
    {
        var first = _barrier.WaitAsync(default);
        await AskedAsync(1);
        var second = _barrier.WaitAsync(default);
        _asked[0].SetException(new LeadershipLostException("no leader", outcomeUnknown: false));
        await Assert.ThrowsAsync<LeadershipLostException>(() => first.WaitAsync(Soon));
        await AskedAsync(2);
        _asked[1].SetResult();
        await second.WaitAsync(Soon);
        var third = _barrier.WaitAsync(default);
        await AskedAsync(3);
        _asked[2].SetResult();
        await third.WaitAsync(Soon);
    }

    [Fact]
    public async Task Who_gives_up_does_not_take_the_barrier_from_the_others()
    {
        using var impatient = new CancellationTokenSource();
        var first = _barrier.WaitAsync(impatient.Token);
        await AskedAsync(1);
        var second = _barrier.WaitAsync(impatient.Token);
        var third = _barrier.WaitAsync(default);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        _asked[0].SetResult();
        await AskedAsync(2);
        _asked[1].SetResult();
        await third.WaitAsync(Soon);
    }

    private async Task AskedAsync(int count)
    {
        for (var i = 0; i < 500; i++)
        {
            lock (_asked)
            {
                if (_asked.Count >= count)
                    return;
            }
            await Task.Delay(10);
        }
        Assert.Fail($"the barrier was not asked for {count} times");
    }
}
