using Skep.Agent;
using Xunit;

namespace Skep.UnitTests.Agent;

public sealed class RemotesTests
{
    private static readonly ManagerPeer A = new("a", "10.0.0.1:2377");
    private static readonly ManagerPeer B = new("b", "10.0.0.2:2377");
    private readonly Remotes _remotes = new(new Random(1));

    [Fact]
    public void Nobody_known_is_nobody_chosen() => Assert.Null(_remotes.Select());

    [Fact]
    public void Managers_of_equal_weight_are_chosen_equally_often()
    {
        _remotes.Replace([(A, 1), (B, 1)]);
        Assert.InRange(Choices(1000).Count(c => c == A), 430, 570);
    }

    [Fact]
    public void Managers_without_any_weight_are_chosen_equally_often_too()
    {
        _remotes.Replace([(A, 1), (B, 1)]);
        for (var i = 0; i < 5; i++)
        {
            _remotes.ObserveIfKnown(A, -Remotes.Observation);
            _remotes.ObserveIfKnown(B, -Remotes.Observation);
        }
        Assert.InRange(Choices(1000).Count(c => c == A), 430, 570);
    }

    [Fact]
    public void A_manager_that_failed_is_hardly_ever_chosen_again_while_another_is_good()
    {
        _remotes.Replace([(A, 1), (B, 1)]);
        _remotes.ObserveIfKnown(A, -Remotes.Observation);
        Assert.InRange(Choices(1000).Count(c => c == A), 0, 20);
    }

    [Fact]
    public void Weights_move_half_the_way_as_stock_engines_move_them()
    {
        _remotes.Observe(A, 10);
        Assert.Equal(5, _remotes.Weights[A]);
        _remotes.Observe(A, 10);
        Assert.Equal(8, _remotes.Weights[A]);
        _remotes.Observe(A, -10);
        Assert.Equal(-1, _remotes.Weights[A]);
        _remotes.Observe(A, 100_000);
        Assert.Equal(128, _remotes.Weights[A]);
    }

    [Fact]
    public void The_clusters_list_replaces_all_others_and_those_without_address_do_not_count()
    {
        _remotes.Observe(new ManagerPeer("", A.Address), Remotes.Observation);
        _remotes.Replace([(B, 1), (new ManagerPeer("c", ""), 1)]);
        Assert.Equal([B], _remotes.Weights.Keys);
        _remotes.ObserveIfKnown(A, Remotes.Observation);
        Assert.Equal([B], _remotes.Weights.Keys);
    }

    [Fact]
    public void The_wait_before_a_session_grows_to_8_s_and_ends_with_a_success()
    {
        var backoff = new SessionBackoff(new Random(1));
        Assert.Equal(TimeSpan.Zero, backoff.NextDelay());
        var ranges = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            backoff.Failed();
            ranges.Add(backoff.Range.TotalSeconds);
            Assert.InRange(backoff.NextDelay(), TimeSpan.Zero, backoff.Range);
        }
        Assert.Equal([0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 8, 8, 8], ranges);
        backoff.Registered();
        Assert.Equal(TimeSpan.Zero, backoff.NextDelay());
    }

    private IEnumerable<ManagerPeer> Choices(int count) => Enumerable.Range(0, count).Select(_ => _remotes.Select()!.Value);
}
