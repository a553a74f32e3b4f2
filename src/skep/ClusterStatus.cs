using System.Text.Json.Nodes;

namespace Skep.Cli;

/// <summary>A cluster at a glance.</summary>
internal sealed record ClusterStatus(IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<ServiceStatus> Services)
{
    public string? Leader => Nodes.FirstOrDefault(n => n.ManagerStatus == "leader")?.Hostname;

    /// <summary>Every service has all the tasks it wants.</summary>
    public bool IsWhole => Services.All(s => s.Running >= s.Desired);

    public static ClusterStatus From(JsonNode nodes, JsonNode services) => new(
        [.. nodes.AsArray().Select(n => NodeStatus.From(n!)).OrderBy(n => n.Hostname, StringComparer.Ordinal)],
        [.. services.AsArray().Select(s => ServiceStatus.From(s!)).OrderBy(s => s.Name, StringComparer.Ordinal)]);

    public JsonObject ToJson() => new()
    {
        ["nodes"] = Nodes.Count,
        ["nodes_ready"] = Nodes.Count(n => n.State == "ready"),
        ["managers"] = Nodes.Count(n => n.ManagerStatus.Length > 0),
        ["leader"] = Leader,
        ["services"] = new JsonArray([.. Services.Select(s => (JsonNode)new JsonObject { ["name"] = s.Name, ["running"] = s.Running, ["desired"] = s.Desired })]),
        ["whole"] = IsWhole,
    };
}

/// <param name="Hostname">Of the host.</param>
/// <param name="State">ready, down, unknown, disconnected.</param>
/// <param name="Availability">active, pause, drain.</param>
/// <param name="ManagerStatus">leader, reachable, unreachable; empty for a worker.</param>
internal sealed record NodeStatus(string Hostname, string State, string Availability, string ManagerStatus)
{
    public static NodeStatus From(JsonNode node) => new(
        Text(node["Description"]?["Hostname"]),
        Text(node["Status"]?["State"]),
        Text(node["Spec"]?["Availability"]),
        node["ManagerStatus"] is { } manager ? (manager["Leader"]?.GetValue<bool>() == true ? "leader" : Text(manager["Reachability"])) : "");

    private static string Text(JsonNode? node) => node?.GetValue<string>() ?? "";
}

internal sealed record ServiceStatus(string Name, ulong Running, ulong Desired)
{
    public static ServiceStatus From(JsonNode service) => new(
        service["Spec"]?["Name"]?.GetValue<string>() ?? "",
        service["ServiceStatus"]?["RunningTasks"]?.GetValue<ulong>() ?? 0,
        service["ServiceStatus"]?["DesiredTasks"]?.GetValue<ulong>() ?? 0);
}
