using System.Collections.Frozen;

namespace Skep.Api.Middleware;

/// <summary>The name under which a call that goes to the engine is counted: the API's part, from a closed list, since clients choose the path.</summary>
internal static class PassedEndpoint
{
    private static readonly FrozenSet<string> Known = new[]
    {
        "_ping", "auth", "build", "commit", "configs", "containers", "distribution", "events", "exec", "grpc", "images", "info", "networks",
        "nodes", "plugins", "secrets", "services", "session", "swarm", "system", "tasks", "version", "volumes",
    }.ToFrozenSet();

    public static string Of(string path)
    {
        var end = path.IndexOf('/', 1);
        var first = path.Length < 2 ? "" : end < 0 ? path[1..] : path[1..end];
        return Known.Contains(first) ? "/" + first : "other";
    }
}
