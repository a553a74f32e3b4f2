using System.Text.Json.Nodes;
using Skep.Cli;
using Xunit;

namespace Skep.UnitTests.Cli;

public sealed class ClusterStatusTests
{
    private const string Nodes = """
        [{"Description":{"Hostname":"h2"},"Status":{"State":"down"},"Spec":{"Availability":"active"}},
         {"Description":{"Hostname":"h1"},"Status":{"State":"ready"},"Spec":{"Availability":"drain"},"ManagerStatus":{"Leader":true,"Reachability":"reachable"}}]
        """;

    [Fact]
    public void Nodes_and_services_are_counted()
    {
        var status = ClusterStatus.From(JsonNode.Parse(Nodes)!, JsonNode.Parse("""[{"Spec":{"Name":"web"},"ServiceStatus":{"RunningTasks":5,"DesiredTasks":6}}]""")!);
        Assert.Equal("""{"nodes":2,"nodes_ready":1,"managers":1,"leader":"h1","services":[{"name":"web","running":5,"desired":6}],"whole":false}""", status.ToJson().ToJsonString());
    }

    [Fact]
    public void A_cluster_without_services_is_whole()
    {
        Assert.True(ClusterStatus.From(JsonNode.Parse(Nodes)!, new JsonArray()).IsWhole);
    }
}
