using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class AssignmentTurnsTests : IDisposable
{
    private const int Batching = 50; // ms
    private readonly FakeTimeProvider _time = new();
    private readonly AssignmentTurns _turns;

    public AssignmentTurnsTests() => _turns = new AssignmentTurns(2, TimeSpan.FromMilliseconds(Batching), TimeSpan.FromSeconds(1), _time);

    [Fact]
    public void Who_has_no_news_has_no_turn_and_who_has_some_gets_it_a_while_later()
    {
        var visitor = _turns.NewVisitor();
        var turn = _turns.WaitAsync(visitor);
        Advance(1000);
        Assert.False(turn.IsCompleted);
        _turns.Note(visitor, isUrgent: false);
        Advance(Batching - 10);
        Assert.False(turn.IsCompleted);
        Advance(20);
        Assert.True(HasTurn(turn));
    }

    [Fact]
    public void News_that_comes_while_nobody_waits_for_it_is_told_the_next_time()
    {
        var visitor = _turns.NewVisitor();
        _turns.Note(visitor, isUrgent: false);
        Advance(1000);
        var turn = _turns.WaitAsync(visitor);
        Assert.False(turn.IsCompleted);
        Advance(Batching + 10);
        Assert.True(HasTurn(turn));
    }

    [Fact]
    public async Task Few_work_at_a_time_in_the_order_in_which_their_news_came()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => NoteAndWait()).ToList();
        Advance(Batching + 10);
        Assert.Equal([true, true, false, false, false], waiting.Select(HasTurn));
        await _turns.LeaveAsync();
        Assert.Equal([true, true, true, false, false], waiting.Select(HasTurn));
        await _turns.LeaveAsync();
        await _turns.LeaveAsync();
        Assert.All(waiting, turn => Assert.True(HasTurn(turn)));
        // Both places are free again, but not more.
        await _turns.LeaveAsync();
        await _turns.LeaveAsync();
        waiting = [NoteAndWait(), NoteAndWait(), NoteAndWait()];
        Advance(Batching + 10);
        Assert.Equal([true, true, false], waiting.Select(HasTurn));
    }

    [Fact]
    public async Task Urgent_news_goes_before_the_others_whenever_it_comes()
    {
        var late = _turns.NewVisitor();
        List<Task<bool>> waiting = [NoteAndWait(), NoteAndWait(), NoteAndWait(), NoteAndWait(), NoteAndWait(late)];
        Advance(Batching + 10);
        // It is ready already, behind two others.
        _turns.Note(late, isUrgent: true);
        Advance(10);
        await _turns.LeaveAsync();
        Assert.Equal([true, true, false, false, true], waiting.Select(HasTurn));
        // Its other place is void: one turn, not two.
        await _turns.LeaveAsync();
        await _turns.LeaveAsync();
        Assert.All(waiting, turn => Assert.True(HasTurn(turn)));
        var again = _turns.WaitAsync(late);
        await _turns.LeaveAsync();
        await _turns.LeaveAsync();
        Advance(2000);
        Assert.False(again.IsCompleted);
        // And it was urgent that time only.
        _turns.Note(late, isUrgent: false);
        Advance(20);
        Assert.False(again.IsCompleted);
        Advance(Batching);
        Assert.True(HasTurn(again));
    }

    [Fact]
    public async Task News_of_a_burst_waits_longer_and_longer_unless_it_is_urgent()
    {
        var visitor = _turns.NewVisitor();
        foreach (var wait in new[] { Batching, Batching, 100, 200, 400, 800, 1000, 1000 })
        {
            var turn = NoteAndWait(visitor);
            Advance(wait - 10);
            Assert.False(turn.IsCompleted);
            Advance(10);
            Assert.True(HasTurn(turn));
            await _turns.LeaveAsync();
        }
        var next = NoteAndWait(visitor);
        Advance(100);
        Assert.False(next.IsCompleted);
        _turns.Note(visitor, isUrgent: true);
        Advance(10);
        Assert.True(HasTurn(next));
    }

    [Fact]
    public async Task A_visitor_that_has_ended_neither_waits_nor_takes_a_place()
    {
        Task<bool>[] ends = [EndLater(noted: false), EndLater(noted: true)];
        Assert.All(ends, turn => Assert.True(turn.IsCompletedSuccessfully && !turn.Result));
        Advance(1000);
        Task<bool>[] others = [NoteAndWait(), NoteAndWait()];
        Advance(Batching + 10);
        Assert.All(others, turn => Assert.True(HasTurn(turn)));

        var before = _turns.NewVisitor();
        _turns.End(before);
        Assert.False(await _turns.WaitAsync(before));

        Task<bool> EndLater(bool noted)
        {
            var visitor = _turns.NewVisitor();
            var turn = noted ? NoteAndWait(visitor) : _turns.WaitAsync(visitor);
            _turns.End(visitor);
            return turn;
        }
    }

    public void Dispose() => _turns.Dispose();

    private Task<bool> NoteAndWait(AssignmentTurns.Visitor? visitor = null)
    {
        visitor ??= _turns.NewVisitor();
        _turns.Note(visitor, isUrgent: false);
        return _turns.WaitAsync(visitor);
    }

    private void Advance(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private static bool HasTurn(Task<bool> turn) => turn.IsCompletedSuccessfully && turn.Result;
}
