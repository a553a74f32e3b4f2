using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Skep.Dispatch.Leader;
using Skep.Manager;
using Skep.State;
using Xunit;
using NodeState = Skep.Wire.NodeStatus.Types.State;

namespace Skep.UnitTests.Dispatch;

/// <summary>Sessions that the state says are here and are not.</summary>
public sealed class UnheldSessionsTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero));
    private readonly Locator _locator = new();
    private readonly InMemoryManager _manager;
    private readonly NodeSessions _sessions;
    private readonly UnheldSessions _unheld;

    public UnheldSessionsTests()
    {
        _manager = new InMemoryManager(_time);
        _manager.Commit(new Mutation { PutManager = new PutManager { Manager = new Skep.State.Manager { Id = "m", Run = _manager.Self.Run } } });
        _sessions = new NodeSessions(_manager, new DispatchOptions(), _time, new Random(1), NullLogger<NodeSessions>.Instance);
        _unheld = new UnheldSessions(_locator, _manager, _sessions, _time);
    }

    // The end-to-end tests found it once: a leader without a majority took the arrival of a node that then left; with its next term the arrival was committed.
    [Fact]
    public async Task A_node_that_went_while_it_registered_is_down_though_its_arrival_was_committed()
    {
        await JoinAsync("n1");
        var answers = new TaskCompletionSource();
        _manager.WayBack = input => input is NodeArrived ? answers.Task : Task.CompletedTask;
        using var patience = new CancellationTokenSource();
        var registration = _sessions.RegisterAsync("n1", null, "10.0.0.9", patience.Token);
        await UntilAsync(() => StateOf("n1") == NodeState.Ready);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => registration);

        await PassAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(NodeState.Ready, StateOf("n1"));
        await PassAsync(TimeSpan.FromSeconds(5));
        await UntilAsync(() => StateOf("n1") == NodeState.Down);
    }

    [Fact]
    public async Task A_node_whose_session_is_here_and_one_that_is_elsewhere_are_left_alone()
    {
        await JoinAsync("n1");
        await JoinAsync("n2");
        var session = await _sessions.RegisterAsync("n1", null, "10.0.0.9", CancellationToken.None);
        await _manager.SubmitAsync(new NodeArrived("n2", null, "10.0.0.9", "other", "elsewhere"));
        for (var i = 0; i < 30; i++)
        {
            _sessions.Beat("n1", session.Id);
            await PassAsync(TimeSpan.FromSeconds(2.5));
        }
        Assert.Equal((NodeState.Ready, NodeState.Ready), (StateOf("n1"), StateOf("n2")));
        Assert.DoesNotContain(_manager.Submitted, input => input is NodeLost);
    }

    [Fact]
    public async Task A_loss_that_no_leader_takes_is_not_said_by_more_and_more()
    {
        await JoinAsync("n1");
        await _manager.SubmitAsync(new NodeArrived("n1", null, "10.0.0.9", _manager.Self.Run, "gone"));
        _manager.WithoutLeader = true;
        await PassAsync(TimeSpan.FromSeconds(300));
        // One who repeats it at last every 5 s, and five times before that.
        Assert.InRange(_manager.Submitted.Count(input => input is NodeLost), 2, 65);
    }

    [Fact]
    public async Task Without_a_leader_nobody_is_missed_and_then_everybody_has_the_whole_time_again()
    {
        await JoinAsync("n1");
        await _manager.SubmitAsync(new NodeArrived("n1", null, "10.0.0.9", _manager.Self.Run, "gone"));
        await PassAsync(TimeSpan.FromSeconds(25));
        _locator.HasLeader = false;
        await PassAsync(TimeSpan.FromSeconds(60));
        _locator.HasLeader = true;
        await PassAsync(TimeSpan.FromSeconds(30));
        Assert.DoesNotContain(_manager.Submitted, input => input is NodeLost);
        await PassAsync(TimeSpan.FromSeconds(5));
        await UntilAsync(() => StateOf("n1") == NodeState.Down);
    }

    public async ValueTask DisposeAsync()
    {
        _unheld.Dispose();
        _sessions.Dispose();
        await _manager.DisposeAsync();
    }

    private Task JoinAsync(string id) => _manager.SubmitAsync(new CertificateIssued(id, new Wire.Certificate { Cn = id }, Wire.NodeSpec.Types.Availability.Active));

    private NodeState StateOf(string id) => _manager.Store.Read(s => s.Nodes[id].Status.State);

    private async Task PassAsync(TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(2.5))
        {
            _time.Advance(TimeSpan.FromSeconds(2.5));
            await Task.Delay(5);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        Assert.True(condition());
    }

    private sealed class Locator : ILeaderLocator
    {
        public LeaderAddress? Leader => null;

        public bool HasLeader { get; set; } = true;
    }
}
