using System.Runtime.CompilerServices;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class TaskStatusRecordTests
{
    private const string Id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public void Every_status_is_given_back_as_it_came()
    {
        var random = new Random(7);
        for (var i = 0; i < 5_000; i++)
        {
            var status = AnyStatus(random);
            var record = new TaskStatusRecord(status.Clone());
            Assert.Equal(status, record.ToWire());
            Assert.Equal((status.State, status.Message, status.Err, status.AppliedAt?.ToDateTimeOffset()), (record.State, record.Message, record.Err, record.AppliedAt));
        }
    }

    [Fact]
    public void It_says_what_was_put_in_and_nothing_else()
    {
        var random = new Random(8);
        for (var i = 0; i < 2_000; i++)
        {
            var (one, other) = (AnyStatus(random), AnyStatus(random));
            Assert.True(new TaskStatusRecord(one.Clone()).Says(one));
            Assert.Equal(one.Equals(other), new TaskStatusRecord(one).Says(other));
        }
    }

    [Fact]
    public void What_a_caller_changes_is_its_own()
    {
        foreach (var status in new[] { Running(), new Wire.TaskStatus { PortStatus = new Wire.PortStatus { Ports = { new Wire.PortConfig { TargetPort = 80 } } } } })
        {
            var record = new TaskStatusRecord(status.Clone());
            record.ToWire().Err = "changed";
            Assert.Equal(status, record.ToWire());
        }
    }

    [Fact]
    public void The_message_of_a_running_task_is_let_go()
    {
        var (record, message) = RecordOfRunning();
        GC.Collect();
        Assert.False(message.TryGetTarget(out _));
        Assert.Equal(Running(), record.ToWire());
    }

    [Fact]
    public void Equal_texts_become_one_string()
    {
        var texts = new SharedTexts();
        TaskStatusRecord Record() => new(new Wire.TaskStatus { Message = new string("started"), Err = new string("no such image") }, texts);
        Assert.Same(Record().Message, Record().Message);
        Assert.Same(Record().Err, Record().Err);
    }

    [Fact]
    public void Texts_that_all_differ_are_given_back_and_do_not_pile_up()
    {
        var texts = new SharedTexts();
        var first = texts.Of(new string("text 0"));
        for (var i = 1; i < 10_000; i++)
            Assert.Equal($"text {i}", texts.Of($"text {i}"));
        Assert.NotSame(first, texts.Of(new string("text 0")));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (TaskStatusRecord Record, WeakReference<Wire.TaskStatus> Message) RecordOfRunning()
    {
        var status = Running();
        return (new TaskStatusRecord(status), new WeakReference<Wire.TaskStatus>(status));
    }

    private static Wire.TaskStatus Running() => new()
    {
        State = Wire.TaskState.Running,
        Message = new string("started"),
        Timestamp = new Timestamp { Seconds = 1_767_225_600, Nanos = 123_456_789 },
        Container = new Wire.ContainerStatus { ContainerId = new string(Id), Pid = 4711 },
    };

    // Each part there or not, and such values of it as engines do and do not send.
    private static Wire.TaskStatus AnyStatus(Random random)
    {
        var status = new Wire.TaskStatus { State = Any(random, Wire.TaskState.New, Wire.TaskState.Running, Wire.TaskState.Failed, (Wire.TaskState)4711) };
        if (Half(random))
            status.Message = Any(random, "started", "preparing");
        if (Half(random))
            status.Err = "no such image";
        if (Half(random))
            status.Timestamp = new Timestamp { Seconds = Any(random, 0L, -62135596800, 1_767_225_600), Nanos = Any(random, 0, 1, 999_999_999, -1) };
        if (Half(random))
        {
            status.Container = new Wire.ContainerStatus
            {
                ContainerId = Any(random, Id, Id, Id.ToUpperInvariant(), new string('0', 64), new string('g', 64), "plugin", ""),
                Pid = Any(random, 0, 4711, -1),
                ExitCode = Any(random, 0, 137),
            };
        }
        if (random.Next(10) == 0)
            status.PortStatus = new Wire.PortStatus { Ports = { new Wire.PortConfig { TargetPort = 80 } } };
        if (random.Next(10) == 0)
            status.AppliedBy = "manager";
        if (random.Next(10) == 0)
            status.AppliedAt = new Timestamp { Seconds = 1_767_225_600 };
        // A field that this version does not know.
        return random.Next(10) > 0 ? status : Wire.TaskStatus.Parser.ParseFrom([.. status.ToByteArray(), 0x98, 0x06, 0x01]);
    }

    private static bool Half(Random random) => random.Next(2) == 0;

    private static T Any<T>(Random random, params T[] values) => values[random.Next(values.Length)];
}
