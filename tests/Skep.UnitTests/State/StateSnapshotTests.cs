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

    [Fact]
    public void A_record_larger_than_any_buffer_is_read_back()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", new string('i', 300_000)), Batches.Tasks("web", 1)));
        Assert.Equal(Batches.Dump(state), Batches.Dump(StateSnapshot.Read(new MemoryStream(Write(state)))));
    }

    [Fact]
    public void A_length_that_cannot_be_is_refused_as_damage()
    {
        foreach (var bytes in new byte[][] { [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3], [0xff] })
            Assert.Throws<SnapshotDamagedException>(() => StateSnapshot.Read(new MemoryStream(bytes)));
    }

    [Fact]
    public void Restored_tasks_share_what_they_shared()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2)));
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, [.. new[] { "web-1", "web-2" }.Select(id => new Mutation { AllocateTask = new AllocateTask { TaskId = id } })]));
        var restored = StateSnapshot.Read(new MemoryStream(Write(state)));
        Assert.Same(restored.Tasks.Find("web-1")!.Status.Message, restored.Tasks.Find("web-2")!.Status.Message);
        Assert.Same(restored.Tasks.Find("web-1")!.Endpoint, restored.Tasks.Find("web-2")!.Endpoint);
    }

    [Fact]
    public void What_one_task_has_the_next_one_does_not_get()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2, 3, 4, 5)));
        var attachment = new Attachment { NetworkId = "net", Addresses = { "10.0.1.5/24" } };
        var resource = new Wire.GenericResource { DiscreteResourceSpec = new Wire.DiscreteGenericResource { Kind = "ssd", Value = 1 } };
        var container = new Wire.ContainerStatus { ContainerId = new string('a', 64), Pid = 7, ExitCode = 1 };
        var time = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 5, Nanos = 6 };
        var ports = new Wire.PortStatus { Ports = { new Wire.PortConfig { TargetPort = 80 } } };
        state.Apply(Batches.Of(DateTimeOffset.UnixEpoch,
            new Mutation { AllocateTask = new AllocateTask { TaskId = "web-1", Attachments = { attachment } } },
            new Mutation { AssignTask = new AssignTask { TaskId = "web-1", NodeId = "n1", GenericResources = { resource } } },
            Status("web-1", new Wire.TaskStatus { State = Wire.TaskState.Failed, Message = "started", Err = "task: non-zero exit (1)", Container = container, Timestamp = time }),
            Status("web-3", new Wire.TaskStatus { State = Wire.TaskState.Running, Message = "started", Container = container, Timestamp = time, PortStatus = ports }),
            Status("web-4", new Wire.TaskStatus { State = Wire.TaskState.Running })));
        var restored = StateSnapshot.Read(new MemoryStream(Write(state)));
        Assert.Equal(Batches.Dump(state), Batches.Dump(restored));
        Assert.Equal([1, 0, 0, 0, 0], restored.Tasks.All.OrderBy(task => task.Slot).Select(task => task.Attachments.Count));
        Assert.Equal([true, false, true, false, false], restored.Tasks.All.OrderBy(task => task.Slot).Select(task => task.Status.ToWire().Container is not null));

        static Mutation Status(string task, Wire.TaskStatus status) => new() { SetTaskStatus = new SetTaskStatus { TaskId = task, Status = status } };
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
