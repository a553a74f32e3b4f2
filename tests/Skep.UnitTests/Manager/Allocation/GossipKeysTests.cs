using Skep.Manager.Allocation;
using Xunit;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class GossipKeysTests
{
    private readonly LoopHarness _cluster = new(() => [new GossipKeysRule()]);

    private IEnumerable<Wire.EncryptionKey> KeysOf(string subsystem) => _cluster.State.Cluster!.NetworkBootstrapKeys.Where(k => k.Subsystem == subsystem);

    [Fact]
    public void A_new_cluster_has_three_different_keys_per_subsystem()
    {
        _cluster.Settle();
        var keys = _cluster.State.Cluster!.NetworkBootstrapKeys;
        Assert.Equal(6, keys.Select(k => k.Key).Distinct().Count());
        Assert.All(keys, k => Assert.Equal(16, k.Key.Length));
        Assert.Equal(3, KeysOf("networking:gossip").Count());
        Assert.Equal(3, KeysOf("networking:ipsec").Count());
        Assert.Equal(keys.Max(k => k.LamportTime), _cluster.State.Cluster.EncryptionKeyLamportClock);
    }

    [Theory]
    [InlineData("networking:gossip")]
    [InlineData("networking:ipsec")]
    public void Every_twelve_hours_the_oldest_goes_and_a_newer_one_comes(string subsystem)
    {
        _cluster.Settle();
        var before = KeysOf(subsystem).ToList();
        _cluster.Advance(TimeSpan.FromHours(11));
        Assert.Equal(before, KeysOf(subsystem));
        _cluster.Advance(TimeSpan.FromHours(2));
        var after = KeysOf(subsystem).ToList();
        Assert.Equal(before.OrderBy(k => k.LamportTime).Skip(1), after.Take(2));
        Assert.True(after[2].LamportTime > before.Max(k => k.LamportTime));
        _cluster.Advance(TimeSpan.FromHours(48));
        Assert.Empty(before.Intersect(KeysOf(subsystem)));
        Assert.Equal(3, KeysOf(subsystem).Count());
    }

    [Fact]
    public void A_new_leader_keeps_the_keys()
    {
        _cluster.Settle();
        var before = _cluster.State.Cluster!.NetworkBootstrapKeys.ToList();
        _cluster.ChangeLeader();
        _cluster.Settle();
        Assert.Equal(before, _cluster.State.Cluster!.NetworkBootstrapKeys);
    }
}
