using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class StateSnapshotTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_is_written_is_read_back_the_same(int seed)
    {
        var state = RandomState(seed);
        Assert.Equal(Batches.Dump(state), Batches.Dump(StateSnapshot.Read(new MemoryStream(Write(state)))));
    }

    [Fact]
    public void A_restored_state_goes_on_exactly_like_the_one_that_was_saved()
    {
        var state = RandomState(4);
        var restored = StateSnapshot.Read(new MemoryStream(Write(state)));
        var time = state.Time.AddSeconds(1);
        var more = Batches.Of(time, Batches.Service("later", "box:9"), Batches.Tasks("later", 1, 2, 3));
        state.Apply(more.Clone());
        restored.Apply(more.Clone());
        Assert.Equal(Batches.Dump(state), Batches.Dump(restored));
    }

    [Fact]
    public void Tasks_of_one_version_share_their_spec_after_a_restore_too()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2)));
        var restored = StateSnapshot.Read(new MemoryStream(Write(state)));
        Assert.Same(restored.TaskSpecOf("web"), restored.Tasks.Find("web-1")!.Spec);
        Assert.Same(restored.TaskSpecOf("web"), restored.Tasks.Find("web-2")!.Spec);
    }

    [Fact]
    public void A_snapshot_that_ends_early_is_refused_wherever_it_ends()
    {
        var bytes = Write(RandomState(5));
        for (var length = 0; length < bytes.Length; length += 1 + (length / 50))
            Assert.Throws<SnapshotDamagedException>(() => StateSnapshot.Read(new MemoryStream(bytes, 0, length)));
    }

    private static ClusterState RandomState(int seed)
    {
        var state = new ClusterState();
        foreach (var batch in Batches.RandomHistory(new Random(seed), 100))
            state.Apply(batch);
        return state;
    }

    private static byte[] Write(ClusterState state)
    {
        var stream = new MemoryStream();
        StateSnapshot.Capture(state).WriteTo(stream);
        return stream.ToArray();
    }
}
