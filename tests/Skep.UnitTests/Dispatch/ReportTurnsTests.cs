using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class ReportTurnsTests : IDisposable
{
    // At first, when no engine has called a second time.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan SpareInterval = TimeSpan.FromMilliseconds(30);
    private readonly FakeTimeProvider _time = new();
    private readonly ReportTurns _turns;
    private bool _hasTimeToSpare;

    public ReportTurnsTests() => _turns = new ReportTurns(2, callsPerTurn: 1, () => _hasTimeToSpare, _time);

    [Fact]
    public void Few_engines_are_answered_at_once()
    {
        Assert.True(_turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false).IsCompleted);
        Assert.True(_turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false).IsCompleted);
        Assert.False(_turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false).IsCompleted);
    }

    [Fact]
    public void Who_calls_again_gives_the_word_to_the_one_who_waits_longest()
    {
        var (a, b) = (new ReportTurns.Speaker(), new ReportTurns.Speaker());
        _turns.WaitAsync(a, isUrgent: false);
        _turns.WaitAsync(b, isUrgent: false);
        var c = _turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false);
        var d = _turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false);
        var again = _turns.WaitAsync(a, isUrgent: false);
        Assert.True(c.IsCompleted);
        Assert.False(d.IsCompleted);
        Assert.False(again.IsCompleted);
        _turns.WaitAsync(b, isUrgent: false);
        Assert.True(d.IsCompleted);
        Assert.False(again.IsCompleted);
    }

    [Fact]
    public void Who_has_the_word_is_answered_in_a_row_and_then_waits_for_the_others()
    {
        using var turns = new ReportTurns(1, callsPerTurn: 3, () => false, _time);
        var (a, b) = (new ReportTurns.Speaker(), new ReportTurns.Speaker());
        Assert.True(turns.WaitAsync(a, isUrgent: false).IsCompleted);
        var other = turns.WaitAsync(b, isUrgent: false);
        Assert.True(turns.WaitAsync(a, isUrgent: false).IsCompleted);
        Assert.True(turns.WaitAsync(a, isUrgent: false).IsCompleted);
        Assert.False(other.IsCompleted);
        Assert.False(turns.WaitAsync(a, isUrgent: false).IsCompleted);
        Assert.True(other.IsCompleted);
    }

    [Fact]
    public void Who_has_nothing_more_to_say_loses_the_word_after_a_while()
    {
        TakeAllPlaces();
        var waiting = Wait(3);
        _time.Advance(Patience / 2);
        Assert.Equal(3, waiting.Count(w => !w.IsCompleted));
        _time.Advance(Patience / 2);
        Assert.Equal(1, waiting.Count(w => !w.IsCompleted));
        _time.Advance(Patience);
        Assert.Equal(0, waiting.Count(w => !w.IsCompleted));
    }

    [Fact]
    public void The_longer_an_answers_next_call_takes_the_longer_it_is_waited_for()
    {
        using var turns = new ReportTurns(1, callsPerTurn: 1000, () => false, _time);
        var (a, b) = (new ReportTurns.Speaker(), new ReportTurns.Speaker());
        turns.WaitAsync(a, isUrgent: false);
        for (var call = 0; call < 100; call++)
        {
            _time.Advance(Patience * 3 / 4);
            turns.WaitAsync(a, isUrgent: false);
        }
        var other = turns.WaitAsync(b, isUrgent: false);
        for (var wait = 0; wait < 5; wait++)
            _time.Advance(Interval);
        Assert.False(other.IsCompleted);
        for (var wait = 0; wait < 3; wait++)
            _time.Advance(Interval);
        Assert.True(other.IsCompleted);
    }

    /// <summary>Else the more slowly all goes, the more would be let speak, and the more slowly all would go.</summary>
    [Fact]
    public void It_is_also_learnt_from_those_who_lost_the_word_by_it()
    {
        using var turns = new ReportTurns(1, callsPerTurn: 1000, () => false, _time);
        var engines = Enumerable.Range(0, 100).Select(_ => new ReportTurns.Speaker()).ToList();
        var calls = engines.ConvertAll(engine => (Call: turns.WaitAsync(engine, isUrgent: false), Next: 30));
        var answered = new List<int>();
        for (var step = 0; step < 600; step++)
        {
            // Everybody's next call comes after 300 ms.
            for (var i = 0; i < engines.Count; i++)
            {
                if (!calls[i].Call.IsCompleted)
                    continue;
                calls[i] = calls[i].Next == 0 ? (turns.WaitAsync(engines[i], isUrgent: false), 30) : (calls[i].Call, calls[i].Next - 1);
            }
            answered.Add(calls.Count(call => call.Call.IsCompleted));
            _time.Advance(Interval);
        }
        Assert.InRange(answered.Take(100).Max(), 5, 100);
        Assert.InRange(answered.Skip(400).Max(), 1, 3);
    }

    [Fact]
    public void While_those_who_have_the_word_use_it_the_others_wait()
    {
        using var turns = new ReportTurns(2, callsPerTurn: 1000, () => false, _time);
        var (a, b) = (new ReportTurns.Speaker(), new ReportTurns.Speaker());
        turns.WaitAsync(a, isUrgent: false);
        turns.WaitAsync(b, isUrgent: false);
        var other = turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false);
        for (var call = 0; call < 100; call++)
        {
            _time.Advance(Interval);
            Assert.True(turns.WaitAsync(a, isUrgent: false).IsCompleted);
            Assert.True(turns.WaitAsync(b, isUrgent: false).IsCompleted);
        }
        Assert.False(other.IsCompleted);
    }

    [Fact]
    public void While_there_is_time_to_spare_more_and_more_are_let_speak()
    {
        _hasTimeToSpare = true;
        Assert.Equal([2, 4, 8, 16], HeardOf(steps: 4));
    }

    [Fact]
    public void When_the_machine_is_busy_again_the_others_wait_again()
    {
        _hasTimeToSpare = true;
        Assert.Equal([2, 4, 8, 8, 8, 8], HeardOf(steps: 6, beforeStep: step => _hasTimeToSpare = step < 2));
    }

    [Fact]
    public void What_is_urgent_waits_for_nobody()
    {
        TakeAllPlaces();
        _turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false);
        var d = new ReportTurns.Speaker();
        for (var call = 0; call < 3; call++)
            Assert.True(_turns.WaitAsync(d, isUrgent: true).IsCompleted);
    }

    [Fact]
    public void Who_waits_is_answered_when_there_is_something_urgent_to_say_next()
    {
        TakeAllPlaces();
        var (c, d) = (new ReportTurns.Speaker(), new ReportTurns.Speaker());
        var (hurried, other) = (_turns.WaitAsync(c, isUrgent: false), _turns.WaitAsync(d, isUrgent: false));
        _turns.Hurry(c);
        _turns.Hurry(new ReportTurns.Speaker());
        Assert.True(hurried.IsCompleted);
        Assert.False(other.IsCompleted);
        _time.Advance(Patience);
        Assert.True(other.IsCompleted);
    }

    [Fact]
    public void Whatever_the_order_no_place_is_lost()
    {
        var random = new Random(1);
        var engines = Enumerable.Range(0, 20).Select(_ => new ReportTurns.Speaker()).ToList();
        var calls = new List<Task>();
        for (var step = 0; step < 10_000; step++)
        {
            // Also of one that waits still: its connection may be a new one.
            calls.Add(_turns.WaitAsync(engines[random.Next(engines.Count)], isUrgent: random.Next(10) == 0));
            _hasTimeToSpare = random.Next(10) == 0;
            if (random.Next(5) == 0)
                _time.Advance(TimeSpan.FromMilliseconds(random.Next(100)));
        }
        _hasTimeToSpare = true;
        for (var round = 0; round < 100; round++)
            _time.Advance(Longest);
        Assert.All(calls, call => Assert.True(call.IsCompleted));
        _time.Advance(Longest);
        Few_engines_are_answered_at_once();
    }

    [Fact]
    public void At_the_end_nobody_is_left_waiting()
    {
        var calls = Enumerable.Range(0, 5).Select(_ => _turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false)).ToList();
        _turns.Dispose();
        Assert.All(calls, call => Assert.True(call.IsCompleted));
    }

    /// <summary>How many of engines that have always something to say were answered by the end of each interval at which is looked for time to spare.</summary>
    private List<int> HeardOf(int steps, Action<int>? beforeStep = null)
    {
        using var turns = new ReportTurns(2, callsPerTurn: 1000, () => _hasTimeToSpare, _time);
        var engines = Enumerable.Range(0, 100).Select(_ => new ReportTurns.Speaker()).ToList();
        var calls = engines.ConvertAll(engine => turns.WaitAsync(engine, isUrgent: false));
        var heard = new HashSet<int>();
        var heardOf = new List<int>();
        for (var step = 0; step < steps; step++)
        {
            beforeStep?.Invoke(step);
            for (var part = 0; part < SpareInterval / Interval * 4; part++)
            {
                for (var i = 0; i < engines.Count; i++)
                {
                    if (!calls[i].IsCompleted)
                        continue;
                    heard.Add(i);
                    calls[i] = turns.WaitAsync(engines[i], isUrgent: false);
                }
                _time.Advance(Interval / 4);
            }
            heardOf.Add(heard.Count);
        }
        return heardOf;
    }

    private void TakeAllPlaces() => Wait(2);

    private List<Task> Wait(int engines) => [.. Enumerable.Range(0, engines).Select(_ => _turns.WaitAsync(new ReportTurns.Speaker(), isUrgent: false))];

    public void Dispose() => _turns.Dispose();

}
