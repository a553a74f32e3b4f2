using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>What waits for the leader's loop, and in which order it comes out.</summary>
public sealed class InboxTests
{
    private readonly Inbox _inbox = new();

    [Fact]
    public void A_call_does_not_wait_behind_what_engines_say()
    {
        for (var i = 0; i < 1_000; i++)
            Add(Arrival(i));
        Add(Call("a"));
        Add(Call("b"));
        Assert.Equal(["a", "b", "n0", "n1"], Take(4));
    }

    [Fact]
    public void A_flood_of_calls_does_not_hold_up_engines()
    {
        for (var i = 0; i < 100; i++)
        {
            Add(Call($"c{i}"));
            Add(Arrival(i));
        }
        var taken = Take(200);
        Assert.Equal(200, taken.Distinct().Count());
        Assert.Equal(["n0", "n1", "n2", "n3", "n4"], taken.Take(17 * 5).Where(name => name[0] == 'n'));
        // Each lane in its order, and what is left of one when the other is empty.
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"c{i}"), taken.Where(name => name[0] == 'c'));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"n{i}"), taken.Where(name => name[0] == 'n'));
    }

    [Fact]
    public void Short_reports_go_first_and_long_ones_do_not()
    {
        Assert.True(Reports(nodes: 10, statuses: 10).GoesFirst);
        Assert.False(Reports(nodes: 11, statuses: 10).GoesFirst);
        Assert.False(Reports(nodes: 1, statuses: 2_000).GoesFirst);
    }

    [Fact]
    public void It_takes_no_more_than_its_bound_and_nothing_once_closed()
    {
        for (var i = 0; i < Inbox.MaxWaiting; i++)
            Assert.True(_inbox.TryAdd(new WaitingInput(i % 2 == 0 ? Call("c") : Arrival(i))));
        Assert.False(_inbox.TryAdd(new WaitingInput(Call("c"))));
        Assert.True(_inbox.TryTake(out _));
        Assert.True(_inbox.TryAdd(new WaitingInput(Call("c"))));
        _inbox.Close();
        Assert.True(_inbox.TryTake(out _));
        Assert.False(_inbox.TryAdd(new WaitingInput(Call("c"))));
        Assert.Equal(Inbox.MaxWaiting - 1, _inbox.Count);
    }

    [Fact]
    public async Task Waiting_ends_with_the_first_that_comes_or_with_the_cancellation()
    {
        using var soon = new CancellationTokenSource();
        var waiting = _inbox.WaitAsync(soon.Token);
        Assert.False(waiting.IsCompleted);
        Add(Arrival(0));
        await waiting.WaitAsync(TimeSpan.FromSeconds(5));
        await _inbox.WaitAsync(soon.Token); // it still waits to be taken
        Take(1);
        waiting = _inbox.WaitAsync(soon.Token); // and the signal of one that was taken wakes nobody
        await Task.Delay(50);
        Assert.False(waiting.IsCompleted);
        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(5)));
    }

    private static ControlCall Call(string name) => new(new Wire.GetServiceRequest { ServiceId = name });

    private static NodeArrived Arrival(int i) => new($"n{i}", null, "");

    private static TaskStatusReports Reports(int nodes, int statuses) => new([.. Enumerable.Range(0, nodes).Select(node =>
        new TaskStatusReport($"n{node}", [.. Enumerable.Range(0, statuses).Select(task => KeyValuePair.Create($"t{task}", new Wire.TaskStatus()))]))]);

    private void Add(Input input) => Assert.True(_inbox.TryAdd(new WaitingInput(input)));

    private List<string> Take(int count)
    {
        var names = new List<string>();
        while (names.Count < count && _inbox.TryTake(out var waiting))
            names.Add(waiting.Input is ControlCall { Request: Wire.GetServiceRequest get } ? get.ServiceId : ((NodeArrived)waiting.Input).NodeId);
        return names;
    }
}
