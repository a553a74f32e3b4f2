using Skep.Manager.Allocation;
using Xunit;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class SubnetTests
{
    [Theory]
    [InlineData("10.0.1.5/24", "10.0.1.0/24")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("10.0.1.5/32", "10.0.1.5/32")]
    [InlineData("fd00::1:5/112", "fd00::1:0/112")]
    public void Prefixes_drop_their_host_bits(string text, string expected)
    {
        Assert.True(IpPrefix.TryParse(text, out var prefix));
        Assert.Equal(expected, prefix.ToString());
    }

    [Theory]
    [InlineData("10.0.1.5")]
    [InlineData("10.0.1/24")]
    [InlineData("10.0.1.0/33")]
    [InlineData("10.0.1.0/-1")]
    [InlineData("x/8")]
    [InlineData("")]
    public void Malformed_prefixes_are_refused(string text) => Assert.False(IpPrefix.TryParse(text, out _));

    [Fact]
    public void Free_subnets_are_found_between_used_ones()
    {
        var table = new SubnetTable();
        var cluster = new Wire.Cluster { DefaultAddressPool = { "10.0.0.0/22", "172.16.0.0/24" }, SubnetSize = 24 };
        Use(table, "10.0.0.0/24");
        Use(table, "10.0.1.128/25");
        Assert.Equal("10.0.2.0/24", Use(table, table.FindFree(cluster)!.Value.ToString()));
        Assert.Equal("10.0.3.0/24", Use(table, table.FindFree(cluster)!.Value.ToString()));
        Assert.Equal("172.16.0.0/24", Use(table, table.FindFree(cluster)!.Value.ToString()));
        Assert.Null(table.FindFree(cluster));
        table.Release(Parse("10.0.0.0/24"));
        Assert.Equal("10.0.0.0/24", table.FindFree(cluster).ToString());
    }

    [Fact]
    public void A_used_subnet_larger_than_the_pool_leaves_nothing_of_it()
    {
        var table = new SubnetTable();
        Use(table, "10.0.0.0/7");
        Assert.Null(table.FindFree(null));
        Assert.True(table.Overlaps(Parse("10.200.0.0/16")));
        Assert.False(table.Overlaps(Parse("fd00::/64")));
    }

    private static string Use(SubnetTable table, string subnet)
    {
        table.Take(Parse(subnet));
        return subnet;
    }

    private static IpPrefix Parse(string text) => IpPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);
}
