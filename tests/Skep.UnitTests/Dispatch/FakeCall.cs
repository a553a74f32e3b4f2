using Grpc.Core;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Dispatch;

/// <summary>A call by a node whose certificate was checked.</summary>
internal sealed class FakeCall : ServerCallContext
{
    public FakeCall(string nodeId, CancellationToken cancellation = default)
    {
        CancellationTokenCore = cancellation;
        this.SetNode(new NodeIdentity(nodeId, NodeRole.Worker, "cluster"));
    }

    protected override string MethodCore => "";

    protected override string HostCore => "";

    protected override string PeerCore => "";

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
