using Skep.Dispatch;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class TurnstileTests
{
    private readonly Turnstile _turnstile = new(2);

    [Fact]
    public void Few_work_at_a_time_in_the_order_in_which_they_came()
    {
        Assert.True(_turnstile.EnterAsync(new()).IsCompleted);
        Assert.True(_turnstile.EnterAsync(new()).IsCompleted);
        var (first, second) = (_turnstile.EnterAsync(new()), _turnstile.EnterAsync(new()));
        Assert.False(first.IsCompleted);
        _turnstile.Leave();
        Assert.True(first.IsCompleted);
        Assert.False(second.IsCompleted);
        _turnstile.Leave();
        Assert.True(second.IsCompleted);
    }

    [Fact]
    public void A_place_that_nobody_waits_for_is_free_again()
    {
        _turnstile.EnterAsync(new());
        _turnstile.EnterAsync(new());
        _turnstile.Leave();
        Assert.True(_turnstile.EnterAsync(new()).IsCompleted);
        Assert.False(_turnstile.EnterAsync(new()).IsCompleted);
    }

    [Fact]
    public void Who_is_in_a_hurry_goes_first_whether_he_waits_already_or_comes_later()
    {
        Turnstile.Visitor waits = new(), comes = new();
        _turnstile.EnterAsync(new());
        _turnstile.EnterAsync(new());
        var slow = _turnstile.EnterAsync(new());
        var waiting = _turnstile.EnterAsync(waits);
        _turnstile.Hurry(waits);
        _turnstile.Leave();
        Assert.True(waiting.IsCompleted);
        _turnstile.Hurry(comes);
        var coming = _turnstile.EnterAsync(comes);
        _turnstile.Leave();
        Assert.True(coming.IsCompleted);
        Assert.False(slow.IsCompleted);
    }

    [Fact]
    public void A_hurry_is_for_one_turn()
    {
        var visitor = new Turnstile.Visitor();
        _turnstile.Hurry(visitor);
        _turnstile.EnterAsync(visitor);
        _turnstile.EnterAsync(new());
        var other = _turnstile.EnterAsync(new());
        var again = _turnstile.EnterAsync(visitor);
        _turnstile.Leave();
        Assert.True(other.IsCompleted);
        Assert.False(again.IsCompleted);
    }
}
