using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Skep.Cli.Plan;

/// <summary>A <see cref="CapacityPlan"/> for machines. Units are in the names.</summary>
internal static class CapacityJson
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DictionaryKeyPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static JsonObject Of(CapacityPlan plan) => (JsonObject)JsonSerializer.SerializeToNode(new
    {
        plan.Question.Demand,
        Recommended = new
        {
            plan.Size.Managers,
            plan.Size.Machine,
            Topology = plan.Chosen.Topology.Name,
            Placement = Placement(plan, plan.Chosen.Topology),
            LeaderAt = plan.Question.Sites.Names[plan.Chosen.Best.LeaderSite],
            MustSurvive = plan.Question.MustSurvive,
            plan.IsChurnTooHigh,
            plan.Model.MostStartsPerSecond,
            plan.JoinAllSeconds,
            plan.StartAllSeconds,
            plan.ListNodesSeconds,
        },
        plan.Disk,
        Sizes = plan.Sizes.Select(size => new { size.Managers, size.MayFail, size.Leader, Follower = size.Managers > 1 ? size.Follower : (ManagerLoad?)null, size.CoresAtRest, size.CoresForReturn, size.Machine }),
        ExampleLinks = !plan.Question.AreLinksGiven,
        Topologies = plan.Topologies.Select(outlook => new
        {
            outlook.Topology.Name,
            Placement = Placement(plan, outlook.Topology),
            outlook.Survives,
            Commits = outlook.Latencies.Select(at => new
            {
                LeaderAt = plan.Question.Sites.Names[at.LeaderSite],
                SiteDown = at.SiteDown is { } site ? plan.Question.Sites.Names[site] : null,
                P50Ms = at.Latency?.P50.TotalMilliseconds,
                P99Ms = at.Latency?.P99.TotalMilliseconds,
            }),
        }),
        plan.Measured.Measurement,
        OffByFactor = new { plan.Uncertainty.Cpu, plan.Uncertainty.Memory, plan.Uncertainty.Log },
        Checks = plan.Measured.Checks.Select(check => new { check.What, check.Quantity, check.Measured, Predicted = check.Predicted(plan.Model), check.From }),
        plan.Measured.Costs,
    }, Format)!;

    private static Dictionary<string, int> Placement(CapacityPlan plan, Topology topology) =>
        topology.UsedSites.ToDictionary(site => plan.Question.Sites.Names[site], site => topology.ManagersPerSite[site]);
}
