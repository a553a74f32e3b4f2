using Grpc.Core;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Tests;

/// <summary>A call by a node whose certificate was checked.</summary>
internal sealed class NodeCall : ServerCallContext
{
    public NodeCall(string nodeId, CancellationToken cancellation = default)
        : this(nodeId, address: null, cancellation)
    {
    }

    /// <param name="nodeId">The caller.</param>
    /// <param name="address">The caller's IP address; null: the call came by no connection.</param>
    /// <param name="cancellation">The caller ends the call.</param>
    public NodeCall(string nodeId, string? address, CancellationToken cancellation)
    {
        CancellationTokenCore = cancellation;
        this.SetNode(new NodeIdentity(nodeId, NodeRole.Worker, "cluster"));
        PeerCore = address is null ? "" : $"ipv4:{address}:50000";
    }

    protected override string MethodCore => "";

    protected override string HostCore => "";

    protected override string PeerCore { get; }

    protected override DateTime DeadlineCore => DateTime.MaxValue;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore { get; }

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new(null, []);

    protected override IDictionary<object, object> UserStateCore { get; } = new Dictionary<object, object>();

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
}
