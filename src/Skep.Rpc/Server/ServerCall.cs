using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>A call as services see it.</summary>
public sealed class ServerCall : ServerCallContext
{
    private readonly RpcStream _stream;
    private Metadata? _trailers;
    private Dictionary<object, object>? _userState;

    internal ServerCall(RpcStream stream) => _stream = stream;

    /// <summary>Who calls.</summary>
    public RpcPeer Connection => _stream.Peer;

    internal Metadata Trailers => _trailers ?? Metadata.Empty;

    protected override string MethodCore => _stream.Method.Path;

    protected override string HostCore => "";

    protected override string PeerCore => Connection.Name;

    /// <summary>None: a caller that gives up says so, and one that is gone is found out.</summary>
    protected override DateTime DeadlineCore => DateTime.MaxValue;

    /// <summary>None: no service of a manager has a use for them.</summary>
    protected override Metadata RequestHeadersCore => Metadata.Empty;

    protected override CancellationToken CancellationTokenCore => _stream.Aborted;

    protected override Metadata ResponseTrailersCore => _trailers ??= [];

    protected override Status StatusCore { get; set; } = Status.DefaultSuccess;

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore => new(null, []);

    protected override IDictionary<object, object> UserStateCore => _userState ??= [];

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException("calls do not propagate");

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => throw new NotSupportedException("answers have no headers of their own, only trailers");
}
