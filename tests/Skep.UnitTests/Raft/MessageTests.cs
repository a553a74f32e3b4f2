using Skep.Raft;
using Xunit;

namespace Skep.UnitTests.Raft;

/// <summary>Messages that no honest member sends: they are refused, or stop the node before it loses anything.</summary>
public class MessageTests
{
    private static readonly Message Good = new()
    {
        Type = MessageType.Append,
        From = 1,
        To = 2,
        Term = 2,
        Index = 2,
        LogTerm = 2,
        Entries = [new Entry(2, 3, EntryKind.Normal, default)],
    };

    public static TheoryData<string, Message> Broken() => new()
    {
        { "not for us", Good with { To = 3 } },
        { "from ourselves", Good with { From = 2 } },
        { "from nobody", Good with { From = NodeId.None } },
        { "without a term", Good with { Term = 0 } },
        { "of no type", Good with { Type = (MessageType)99 } },
        { "with a gap", Good with { Entries = [new Entry(2, 4, EntryKind.Normal, default)] } },
        { "with a term that falls", Good with { Entries = [new Entry(1, 3, EntryKind.Normal, default)] } },
        { "with a term of the future", Good with { Entries = [new Entry(3, 3, EntryKind.Normal, default)] } },
        { "with an unknown kind", Good with { Entries = [new Entry(2, 3, (EntryKind)7, default)] } },
        { "without its snapshot", Good with { Type = MessageType.Snapshot } },
        { "with an empty snapshot", Good with { Type = MessageType.Snapshot, Snapshot = SnapshotMetadata.None } },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_message_changes_nothing(string what, Message message)
    {
        var cluster = Cluster.Led(3);
        Assert.True(StepResult.Malformed == cluster[2].Node.Step(message), what);
        Assert.False(cluster[2].Node.HasReady);
        Assert.Equal(StepResult.Handled, cluster[2].Node.Step(Good));
    }

    [Fact]
    public void An_acknowledgement_of_what_was_never_sent_is_refused()
    {
        var cluster = Cluster.Led(3);
        var answer = new Message { Type = MessageType.AppendResponse, From = 2, To = 1, Term = 2, Index = 77 };
        Assert.Equal(StepResult.Malformed, cluster[1].Node.Step(answer));
    }

    [Fact]
    public void A_leader_that_would_replace_a_committed_entry_stops_the_node()
    {
        var cluster = Cluster.Led(3);
        var rewrite = Good with { Term = 3, From = 3, Index = 2, Entries = [new Entry(3, 3, EntryKind.Normal, default)] };
        cluster[1].Propose("a");
        cluster.Settle();
        // An append that begins before the commit is old news and does no harm …
        Assert.Equal(StepResult.Handled, cluster[2].Node.Step(rewrite));
        Assert.Equal("2 2", cluster[2].DiskTerms);
        // … one that begins at it and disagrees is answered with a hint.
        Assert.Equal(StepResult.Handled, cluster[2].Node.Step(rewrite with { Index = 3, LogTerm = 3, Entries = [] }));
        Assert.True(cluster[2].HandleAll()[^1].Reject);
    }

    [Fact]
    public void A_commit_beyond_our_log_means_that_it_lost_something()
    {
        var cluster = Cluster.Led(3);
        var heartbeat = new Message { Type = MessageType.Heartbeat, From = 1, To = 2, Term = 2, Commit = 50 };
        var error = Assert.Throws<RaftException>(() => cluster[2].Node.Step(heartbeat));
        Assert.Equal("index 50 is committed but our log ends at 2: entries are lost", error.Message);
    }

    [Fact]
    public void Two_leaders_of_one_term_stop_the_node()
    {
        var cluster = Cluster.Led(3);
        var heartbeat = new Message { Type = MessageType.Heartbeat, From = 3, To = 2, Term = 2 };
        Assert.Throws<RaftException>(() => cluster[2].Node.Step(heartbeat));
        Assert.Throws<RaftException>(() => cluster[1].Node.Step(heartbeat with { To = 1 }));
    }

    [Theory]
    [InlineData(0UL, 10, 1, 8)]
    [InlineData(1UL, 1, 1, 8)]
    [InlineData(1UL, 10, 0, 8)]
    [InlineData(1UL, 10, 1, 0)]
    public void A_configuration_that_makes_no_sense_is_refused(ulong id, int election, int heartbeat, int inflight)
    {
        var config = new RaftConfig { Id = id, ElectionTicks = election, HeartbeatTicks = heartbeat, MaxInflightMessages = inflight };
        Assert.Throws<ArgumentException>(() => new RawNode(config, new MemoryLog()));
    }
}
