using System.Text.Json.Nodes;

namespace Skep.Api;

/// <summary>What the answers of /_ping and /info say of the swarm. Told by whoever holds the swarm's state.</summary>
public interface ISwarmInfo
{
    /// <summary>
    /// Value of the <c>Swarm</c> header in /_ping, one of Docker's words: "inactive", "pending", "error", "locked",
    /// "active/manager", "active/worker". Must answer at once.
    /// </summary>
    string PingStatus { get; }

    /// <summary>The <c>Swarm</c> object of /info (NodeID, NodeAddr, LocalNodeState, ControlAvailable, …).</summary>
    ValueTask<JsonObject> GetInfoAsync(CancellationToken cancellationToken);
}

/// <summary>This host is in no swarm.</summary>
public sealed class InactiveSwarm : ISwarmInfo
{
    public string PingStatus => "inactive";

    public ValueTask<JsonObject> GetInfoAsync(CancellationToken cancellationToken) => ValueTask.FromResult(new JsonObject
    {
        ["NodeID"] = "",
        ["NodeAddr"] = "",
        ["LocalNodeState"] = "inactive",
        ["ControlAvailable"] = false,
        ["Error"] = "",
        ["RemoteManagers"] = null,
    });
}
