using Skep.Dispatch.Leader;
using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Dispatch;

/// <summary>What a follower sends is what the leader takes.</summary>
public sealed class InputCodecTests
{
    [Fact]
    public void Word_of_nodes_and_their_sessions_arrives_whole()
    {
        Input[] inputs =
        [
            new NodeArrived("n1", new Wire.NodeDescription { Hostname = "host" }, "10.0.0.9", "run", "session"),
            new NodeArrived("n1", null, "", "run", "session"),
            new NodeHeld("n1", "session"),
            new NodeLost("n1", "session", "heartbeat failure"),
        ];
        Assert.All(inputs, input => Assert.Equal(input, InputCodec.Decode(InputCodec.Encode(input))));
    }

    [Fact]
    public void What_a_manager_says_of_itself_arrives_whole()
    {
        var report = new ManagerReport("m1", "n1", "10.0.0.1:2377", "run", 7);
        Assert.Equal(report, InputCodec.Decode(InputCodec.Encode(report)));
    }

    [Fact]
    public void Statuses_of_many_nodes_arrive_whole()
    {
        var sent = new TaskStatusReports([
            new TaskStatusReport("n1", [new("t1", new Wire.TaskStatus { State = Wire.TaskState.Running }), new("t2", new Wire.TaskStatus { State = Wire.TaskState.Failed, Err = "no" })]),
            new TaskStatusReport("n2", [new("t3", new Wire.TaskStatus { Message = "started" })])]);
        var taken = Assert.IsType<TaskStatusReports>(InputCodec.Decode(InputCodec.Encode(sent)));
        Assert.Equal(sent.Reports.Select(r => (r.NodeId, string.Join(' ', r.Statuses))), taken.Reports.Select(r => (r.NodeId, string.Join(' ', r.Statuses))));
    }
}
