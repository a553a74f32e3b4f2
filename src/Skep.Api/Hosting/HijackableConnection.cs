using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Skep.Api.Hosting;

/// <summary>
/// A client's connection that a request may take over from the web server, to go on as raw bytes both ways.
/// Kestrel's own upgrade cannot serve Docker's hijacked streams: it refuses it to requests with a body ("exec start"), knows no
/// streams after a 200, and takes the client's end of sending ("echo hi | docker run -i") for the end of the connection.
/// So this stands between transport and web server and, once hijacked, keeps the connection's end from the latter.
/// </summary>
internal sealed class HijackableConnection : ConnectionContext, IHijackFeature
{
    private readonly ConnectionContext _inner;
    private readonly CancellationTokenSource _closed = new();
    private volatile bool _hijacked;

    private HijackableConnection(ConnectionContext inner)
    {
        _inner = inner;
        ConnectionClosed = _closed.Token;
        Transport = new Pipes(new Reader(this, inner.Transport.Input), inner.Transport.Output);
        inner.Features.Set<IHijackFeature>(this);
    }

    /// <summary>Connection middleware: the last before HTTP, so that under TLS the plain bytes are taken over.</summary>
    public static ConnectionDelegate Middleware(ConnectionDelegate next) => async inner =>
    {
        var connection = new HijackableConnection(inner);
        using var registration = inner.ConnectionClosed.UnsafeRegister(static c => ((HijackableConnection)c!).OnClosed(), connection);
        await next(connection);
    };

    public IDuplexPipe Hijack()
    {
        _hijacked = true;
        return _inner.Transport;
    }

    public void Cut() => _inner.Abort(new ConnectionAbortedException("The stream was cut."));

    // The web server aborts the request whose connection it lost to us: the connection itself must live to send its last bytes.
    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (!_hijacked) _inner.Abort(abortReason);
    }

    private void OnClosed()
    {
        if (!_hijacked) _closed.Cancel();
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>The web server's view of the input: at its end once the connection is hijacked, so that no next request is waited for.</summary>
    private sealed class Reader(HijackableConnection connection, PipeReader inner) : PipeReader
    {
        private static readonly ReadResult End = new(default, isCanceled: false, isCompleted: true);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            connection._hijacked ? ValueTask.FromResult(End) : inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result)
        {
            if (!connection._hijacked) return inner.TryRead(out result);
            result = End;
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed)
        {
            if (!connection._hijacked) inner.AdvanceTo(consumed);
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            if (!connection._hijacked) inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead()
        {
            if (!connection._hijacked) inner.CancelPendingRead();
        }

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    public override string ConnectionId { get => _inner.ConnectionId; set => _inner.ConnectionId = value; }
    public override IFeatureCollection Features => _inner.Features;
    public override IDictionary<object, object?> Items { get => _inner.Items; set => _inner.Items = value; }
    public override IDuplexPipe Transport { get; set; }
    public override CancellationToken ConnectionClosed { get; set; }
    public override EndPoint? LocalEndPoint { get => _inner.LocalEndPoint; set => _inner.LocalEndPoint = value; }
    public override EndPoint? RemoteEndPoint { get => _inner.RemoteEndPoint; set => _inner.RemoteEndPoint = value; }
}

/// <summary>Lets a request take its connection over.</summary>
internal interface IHijackFeature
{
    /// <summary>
    /// Takes the connection. The request's body must have been read and nothing of the answer written; the caller
    /// writes the answer's head itself and, when both directions are done, aborts the request (which then ends the connection
    /// after what was written has been sent). The input's end without an error is the client's end of sending.
    /// </summary>
    IDuplexPipe Hijack();

    /// <summary>Ends a hijacked connection at once, losing what was not sent yet.</summary>
    void Cut();
}
