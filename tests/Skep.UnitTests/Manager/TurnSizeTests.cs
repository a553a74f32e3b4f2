using Skep.Manager;
using Skep.State;
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
