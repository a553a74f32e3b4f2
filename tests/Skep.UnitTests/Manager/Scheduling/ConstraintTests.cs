using Skep.Manager.Scheduling;
using Xunit;

namespace Skep.UnitTests.Manager.Scheduling;

public sealed class ConstraintTests
{
    private static readonly Wire.Node Node = new()
    {
        Id = "node1",
        Spec = new Wire.NodeSpec { Annotations = new Wire.Annotations { Labels = { ["Zone"] = "East" } } },
        Status = new Wire.NodeStatus { Addr = "10.8.4.7" },
        Description = new Wire.NodeDescription
        {
            Hostname = "web-1",
            Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" },
            Engine = new Wire.EngineDescription { Labels = { ["disk"] = "ssd" } },
        },
    };

    [Theory]
    [InlineData("node.id==node1", true)]
    [InlineData("node.id == NODE1", true)]
    [InlineData("node.id!=node1", false)]
    [InlineData("node.hostname==web-1", true)]
    [InlineData("node.hostname==web-*", false)]
    [InlineData("NODE.HOSTNAME!=web-2", true)]
    [InlineData("node.role==worker", true)]
    [InlineData("node.role==MANAGER", false)]
    [InlineData("node.platform.os==Linux", true)]
    [InlineData("node.platform.arch==amd64", false)]
    [InlineData("node.labels.Zone==east", true)]
    [InlineData("node.labels.zone==east", false)]
    [InlineData("node.labels.zone!=east", true)]
    [InlineData("engine.labels.disk==ssd", true)]
    [InlineData("engine.labels.disk!=ssd", false)]
    [InlineData("node.ip==10.8.4.7", true)]
    [InlineData("node.ip==10.8.4.0/24", true)]
    [InlineData("node.ip!=10.8.4.0/24", false)]
    [InlineData("node.ip==10.8.5.0/24", false)]
    [InlineData("node.ip==2001:db8::1", false)]
    [InlineData("node.ip!=not-an-address", false)]
    [InlineData("node.color==red", false)]
    public void Matches_as_stock_does(string expression, bool expected) =>
        Assert.Equal(expected, Constraint.Match(Constraint.Parse([expression]), Node, Wire.NodeRole.Worker));

    [Fact]
    public void The_host_of_a_manager_is_a_manager() =>
        Assert.True(Constraint.Match(Constraint.Parse(["node.role==manager"]), Node, Wire.NodeRole.Manager));

    [Fact]
    public void A_node_that_has_not_said_what_it_is_matches_only_not_equal()
    {
        var unknown = new Wire.Node { Id = "x" };
        Assert.False(Constraint.Match(Constraint.Parse(["node.hostname==web"]), unknown, Wire.NodeRole.Worker));
        Assert.True(Constraint.Match(Constraint.Parse(["node.hostname!=web", "engine.labels.a!=b", "node.ip!=10.0.0.1"]), unknown, Wire.NodeRole.Worker));
    }

    [Theory]
    [InlineData("node.id", "constraint expected one operator from ==, !=")]
    [InlineData("node.id=node1", "constraint expected one operator from ==, !=")]
    [InlineData("1node==a", "key '1node' is invalid")]
    [InlineData("a==b", "key 'a' is invalid")]
    [InlineData("node.id==", "value '' is invalid")]
    [InlineData("node.id==a!=b", "value 'a!=b' is invalid")]
    [InlineData("node.id!=a~b", "value 'a~b' is invalid")]
    public void Refuses_with_stocks_words(string expression, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => Constraint.Parse([expression])).Message);
}
