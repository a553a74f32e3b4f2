using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class ReportTurnsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(10);
    private readonly FakeTimeProvider _time = new();
    private readonly ReportTurns _turns;

    public ReportTurnsTests() => _turns = new ReportTurns(2, Patience, _time);

    [Fact]
    public void Few_engines_are_answered_at_once()
    {
        Assert.True(_turns.WaitAsync(Engine("a"), isUrgent: false).IsCompleted);
        Assert.True(_turns.WaitAsync(Engine("b"), isUrgent: false).IsCompleted);
        Assert.False(_turns.WaitAsync(Engine("c"), isUrgent: false).IsCompleted);
    }

    [Fact]
    public void Who_calls_again_gives_the_word_to_the_one_who_waits_longest()
    {
        var (a, b) = (Engine("a"), Engine("b"));
        _turns.WaitAsync(a, isUrgent: false);
        _turns.WaitAsync(b, isUrgent: false);
        var c = _turns.WaitAsync(Engine("c"), isUrgent: false);
        var d = _turns.WaitAsync(Engine("d"), isUrgent: false);
        var again = _turns.WaitAsync(a, isUrgent: false);
        Assert.True(c.IsCompleted);
        Assert.False(d.IsCompleted);
        Assert.False(again.IsCompleted);
        _turns.WaitAsync(b, isUrgent: false);
        Assert.True(d.IsCompleted);
        Assert.False(again.IsCompleted);
    }

    [Fact]
    public void Who_has_nothing_more_to_say_loses_the_word()
    {
        _turns.WaitAsync(Engine("a"), isUrgent: false);
        _turns.WaitAsync(Engine("b"), isUrgent: false);
        var c = _turns.WaitAsync(Engine("c"), isUrgent: false);
        var d = _turns.WaitAsync(Engine("d"), isUrgent: false);
        var e = _turns.WaitAsync(Engine("e"), isUrgent: false);
        _time.Advance(Patience);
        Assert.True(c.IsCompleted && d.IsCompleted);
        Assert.False(e.IsCompleted);
        _time.Advance(Patience);
        Assert.True(e.IsCompleted);
    }

    [Fact]
    public void What_is_urgent_waits_for_nobody()
    {
        _turns.WaitAsync(Engine("a"), isUrgent: false);
        _turns.WaitAsync(Engine("b"), isUrgent: false);
        _turns.WaitAsync(Engine("c"), isUrgent: false);
        var d = Engine("d");
        for (var call = 0; call < 3; call++)
            Assert.True(_turns.WaitAsync(d, isUrgent: true).IsCompleted);
    }

    [Fact]
    public void Whatever_the_order_no_place_is_lost()
    {
        var random = new Random(1);
        var engines = Enumerable.Range(0, 20).Select(i => Engine($"n{i}")).ToList();
        var calls = engines.ToDictionary(e => e, _ => Task.CompletedTask);
        for (var step = 0; step < 10_000; step++)
        {
            var engine = engines[random.Next(engines.Count)];
            if (calls[engine].IsCompleted)
                calls[engine] = _turns.WaitAsync(engine, isUrgent: random.Next(10) == 0);
            if (random.Next(5) == 0)
                _time.Advance(TimeSpan.FromMilliseconds(random.Next(12)));
        }
        for (var round = 0; round < engines.Count; round++)
            _time.Advance(Patience);
        Assert.All(calls.Values, call => Assert.True(call.IsCompleted));
        Few_engines_are_answered_at_once();
    }

    [Fact]
    public void At_the_end_nobody_is_left_waiting()
    {
        var calls = Enumerable.Range(0, 5).Select(i => _turns.WaitAsync(Engine($"n{i}"), isUrgent: false)).ToList();
        _turns.Dispose();
        Assert.All(calls, call => Assert.True(call.IsCompleted));
    }

    public void Dispose() => _turns.Dispose();

    private NodeSession Engine(string id) => new(id, "session", TimeSpan.FromSeconds(15), _time, _ => { });
}
