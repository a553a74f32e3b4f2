using Skep.Manager;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Manager;

/// <summary>A batch is one entry of the log, and the log refuses what is too large: that ends the manager.</summary>
public sealed class TurnSizeTests
{
    [Fact]
    public void Rules_that_have_more_to_change_than_an_entry_may_hold_go_on_in_the_next_turn()
    {
        var rule = new Wordy(words: 20);
        var loop = new SwarmLoop(new ClusterState(), new IdSource(new byte[32]), [rule], DateTimeOffset.UnixEpoch);
        var turns = 0;
        for (; loop.HasWork && turns < 100; turns++)
            Assert.InRange(loop.Take(DateTimeOffset.UnixEpoch, []).Batch!.CalculateSize(), 1, SwarmLoop.Room + (2 << 20));

        Assert.Equal(20, loop.State.Nodes.Count);
        Assert.InRange(turns, 2, 20);
    }

    [Fact]
    public void A_flood_of_statuses_is_taken_in_over_many_turns()
    {
        const int tasks = 10_000;
        var state = new ClusterState();
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, [Batches.Service("web", "box:1", tasks), Batches.Tasks("web", [.. Enumerable.Range(1, tasks)]), .. Enumerable.Range(1, tasks).Select(i => Batches.Assign($"web-{i}", "n1"))]));
        var loop = new SwarmLoop(state, new IdSource(new byte[32]), [], DateTimeOffset.UnixEpoch);
        var waiting = new Queue<Input>(Enumerable.Range(1, tasks).Select(Running).Chunk(1_000).Select(part => new TaskStatusReports([new TaskStatusReport("n1", part)])));

        for (var turns = 0; waiting.Count > 0; turns++)
        {
            Assert.InRange(turns, 0, 10);
            Assert.InRange(loop.Take(DateTimeOffset.UnixEpoch, Next()).Batch!.Mutations.Count, 1_000, 6_000);
        }
        Assert.All(state.Tasks.All, task => Assert.Equal(Wire.TaskState.Running, task.State));

        IEnumerable<Input> Next()
        {
            while (waiting.TryDequeue(out var one))
                yield return one;
        }
    }

    private static KeyValuePair<string, Wire.TaskStatus> Running(int task) => KeyValuePair.Create($"web-{task}", new Wire.TaskStatus
    {
        State = Wire.TaskState.Running,
        Message = "started",
        Container = new Wire.ContainerStatus { ContainerId = new string('c', 64), Pid = task },
    });

    /// <summary>Makes a megabyte with each change.</summary>
    private sealed class Wordy(int words) : IRule
    {
        private int _left = words;

        public bool HasWork => _left > 0;

        public DateTimeOffset? NextDue => null;

        public void Rebuild(ClusterState state, DateTimeOffset now)
        {
            // It needs no notes.
        }

        public void Note(Change change)
        {
            // Nor that.
        }

        public void Run(Turn turn)
        {
            for (; !turn.Exhausted && _left > 0; _left--)
                turn.Emit(new Mutation { PutNode = new PutNode { Node = new Wire.Node { Id = $"n{_left}", Description = new Wire.NodeDescription { Hostname = new string('h', 1 << 20) } } } });
        }
    }
}
