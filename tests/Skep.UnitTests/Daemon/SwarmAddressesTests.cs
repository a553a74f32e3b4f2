using System.Net;
using Skep.Api.Swarm;
using Skep.Daemon.Swarm;
using Xunit;

namespace Skep.UnitTests.Daemon;

public sealed class SwarmAddressesTests
{
    [Theory]
    [InlineData("0.0.0.0:2377", "0.0.0.0:2377")]
    [InlineData("192.0.2.7", "192.0.2.7:2377")]
    [InlineData("192.0.2.7:0", "192.0.2.7:2377")]
    [InlineData("tcp://192.0.2.7:4000", "192.0.2.7:4000")]
    [InlineData(":4000", "0.0.0.0:4000")]
    [InlineData("[2001:db8::7]:4000", "[2001:db8::7]:4000")]
    [InlineData("lo:4000", "127.0.0.1:4000")]
    public void A_listen_address_is_an_ip_or_an_interface_with_or_without_a_port(string text, string expected) =>
        Assert.Equal(IPEndPoint.Parse(expected), SwarmAddresses.Listen(text));

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7:5000")]
    [InlineData("192.0.2.7:6000", "192.0.2.7:6000")]
    [InlineData("lo", "127.0.0.1:5000")]
    public void An_advertised_address_takes_the_port_that_is_listened_on(string text, string expected) =>
        Assert.Equal(IPEndPoint.Parse(expected), SwarmAddresses.Advertise(text, new IPEndPoint(IPAddress.Any, 5000)));

    [Fact]
    public void A_specific_listen_address_is_advertised_when_nothing_is_said() =>
        Assert.Equal(IPEndPoint.Parse("192.0.2.7:5000"), SwarmAddresses.Advertise("", IPEndPoint.Parse("192.0.2.7:5000")));

    [Theory]
    [InlineData("0.0.0.0", "advertise address must be a non-zero IP address or network interface (with optional port number)")]
    [InlineData("no-such-interface", "advertise address must be a non-zero IP address or network interface (with optional port number)")]
    public void What_cannot_be_advertised_is_refused_in_stocks_words(string text, string expected)
    {
        var refused = Assert.Throws<SwarmLifecycleException>(() => SwarmAddresses.Advertise(text, new IPEndPoint(IPAddress.Any, 2377)));
        Assert.Equal(expected, refused.Message);
        Assert.Equal(LifecycleError.InvalidParameter, refused.Error);
    }

    [Fact]
    public void A_data_path_address_may_be_left_out() => Assert.Equal("", SwarmAddresses.DataPath(""));
}
