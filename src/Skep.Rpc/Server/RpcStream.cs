using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Rpc.Http2;

namespace Skep.Rpc.Server;

/// <summary>A call on a connection: takes what the caller sends, runs the method, and sends what it answers.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Services may still hold the token when the call is over, and the source holds nothing.")]
internal sealed class RpcStream : MessageReader
{
    private readonly RpcConnection _connection;
    private readonly Lock _lock = new();
    private readonly Queue<object>? _requests;
    private readonly Wakeup? _news;
    private object? _request;
    private CancellationTokenSource? _aborting;
    private Wakeup? _sent;
    private int _begun;
    // The method, and the stream itself.
    private int _open = 2;
    private bool _hasEnded;
    private bool _isAborted;

    public RpcStream(RpcConnection connection, RpcMethod method, int id)
    {
        (_connection, Method, Id) = (connection, method, id);
        Call = new ServerCall(this);
        if (!method.TakesOne)
            (_requests, _news) = ([], new Wakeup(elsewhere: true));
    }

    public int Id { get; }

    public RpcMethod Method { get; }

    public ServerCall Call { get; }

    public RpcPeer Peer => _connection.Peer;

    /// <summary>Bytes received for which the caller has not been given new window. The connection's.</summary>
    public int Uncredited { get; set; }

    /// <summary>How much the caller takes. The output's, as what follows.</summary>
    public long Window { get; set; }

    /// <summary>A message of which not all could be sent yet.</summary>
    public MessageBuffer? Unsent { get; set; }

    /// <summary>Set when the method has ended.</summary>
    public byte[]? Trailers { get; set; }

    public bool HasHeaders { get; set; }

    /// <summary>Whether it has its place among those that wait to send.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Whether nothing more of it may be sent.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Whether all requests that have come were taken, so that more may come.</summary>
    public bool TakesMore
    {
        get
        {
            lock (_lock)
                return _requests is not { Count: > 0 };
        }
    }

    /// <summary>Cancelled when the caller gives up or goes away.</summary>
    public CancellationToken Aborted
    {
        get
        {
            lock (_lock)
            {
                if (_aborting is null)
                {
                    _aborting = new CancellationTokenSource();
                    if (_isAborted)
                        _aborting.Cancel();
                }
                return _aborting.Token;
            }
        }
    }

    protected override int MaxMessageBytes => Method.MaxMessageBytes;

    /// <summary>Calls the method: when the call begins, or when its one request is there. Once, and not when it was given up before.</summary>
    public void Begin()
    {
        if (MayBegin())
            _ = RunAsync();
    }

    /// <summary>The caller sends nothing more.</summary>
    public void EndRequests()
    {
        if (Method.TakesOne)
        {
            if (_request is not null)
                Begin();
            else
                Refuse(new Status(StatusCode.Internal, "the request has no message"));
            return;
        }
        lock (_lock)
            _hasEnded = true;
        _news!.Set();
    }

    /// <summary>What the caller sends is not as it should be: it is told so, and the method, if it runs, is aborted.</summary>
    public void Refuse(Status status)
    {
        End(status);
        Abort();
    }

    /// <summary>The caller has given up, or is gone.</summary>
    public void Abort()
    {
        if (MayBegin())
            Release(); // It never will.
        CancellationTokenSource? aborting;
        lock (_lock)
        {
            _isAborted = true;
            aborting = _aborting;
        }
        aborting?.Cancel();
        _news?.Set();
    }

    /// <summary>Null when the caller sends nothing more.</summary>
    /// <exception cref="IOException">The caller went away.</exception>
    public async ValueTask<object?> NextRequestAsync(CancellationToken cancellation)
    {
        using var registration = cancellation.UnsafeRegister(static news => ((Wakeup)news!).Set(), _news);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            ValueTask news;
            lock (_lock)
            {
                if (_requests!.TryDequeue(out var request))
                {
                    if (_requests.Count == 0)
                        _connection.Credit(this);
                    return request;
                }
                if (_isAborted)
                    throw new IOException("the caller went away");
                if (_hasEnded)
                    return null;
                news = _news!.Arm();
            }
            // Whoever cancels between the check and here finds nobody armed.
            if (cancellation.IsCancellationRequested)
                _news.Set();
            await news.ConfigureAwait(false);
        }
    }

    /// <summary>The one answer.</summary>
    public void Answer(MessageBuffer message) => _connection.Output.Send(this, message);

    /// <exception cref="OperationCanceledException">The caller went away, or the token says so; then the call must end.</exception>
    public async Task WriteAsync(MessageBuffer message, CancellationToken cancellation)
    {
        var sent = _connection.Output.SendAsync(this, message);
        _connection.Output.Flush();
        if (!sent.IsCompleted)
        {
            using var registration = cancellation.UnsafeRegister(static stream => ((RpcStream)stream!).WakeWriter(), this);
            await sent.ConfigureAwait(false);
        }
        cancellation.ThrowIfCancellationRequested();
        if (_isAborted)
            throw new OperationCanceledException("the caller went away");
    }

    /// <summary>The method waits until its message is sent.</summary>
    public ValueTask WaitForWriter() => (_sent ??= new Wakeup(elsewhere: true)).Arm();

    public void WakeWriter() => _sent?.Set();

    /// <summary>Nothing more of it will be sent.</summary>
    public void Over()
    {
        if (IsOver)
            return;
        IsOver = true;
        Release();
    }

    protected override void Message(ReadOnlyMemory<byte> message)
    {
        var request = Method.Parse(_connection.Lent, message);
        if (_requests is null)
        {
            if (_request is not null)
                throw new RpcException(new Status(StatusCode.Internal, "the request has more than one message"));
            _request = request;
            return;
        }
        lock (_lock)
            _requests.Enqueue(request);
        _news!.Set();
    }

    private async Task RunAsync()
    {
        try
        {
            await _connection.AuthorizeAsync(Call).ConfigureAwait(false);
            await Method.InvokeAsync(this, _request).ConfigureAwait(false);
            End(Call.Status);
        }
        catch (RpcException e)
        {
            foreach (var entry in e.Trailers)
                Call.ResponseTrailers.Add(entry);
            End(e.Status);
        }
        catch (Exception e) when (_isAborted)
        {
            _connection.Logger.LogDebug("{Method} from {Peer} was given up: {Reason}", Method.Path, Peer.Name, e.Message);
        }
        catch (OperationCanceledException)
        {
            End(new Status(StatusCode.Cancelled, "the manager gave the call up"));
        }
        catch (Exception e)
        {
            _connection.Logger.LogError(e, "{Method} from {Peer} failed", Method.Path, Peer.Name);
            End(new Status(StatusCode.Unknown, $"the manager failed at this call ({e.GetType().Name}); its log says why"));
        }
        finally
        {
            Release();
        }
    }

    private void End(Status status)
    {
        var only = !HasHeaders;
        var isOk = status.StatusCode == StatusCode.OK && status.Detail.Length == 0 && Call.Trailers.Count == 0 && !only;
        _connection.Output.End(this, isOk ? ResponseHeaders.Ok : ResponseHeaders.Trailers(status, Call.Trailers, only));
        // A caller of a stream may be in the middle of it.
        if (!Method.TakesOne && !_hasEnded && IsOver)
            _connection.Output.Write(FrameType.ResetStream, Id, RpcConnection.NoError);
        _connection.Output.Flush();
    }

    private bool MayBegin() => Interlocked.Exchange(ref _begun, 1) == 0;

    /// <summary>It is done when the method has ended and all is sent.</summary>
    private void Release()
    {
        if (Interlocked.Decrement(ref _open) == 0)
            _connection.Done(this);
    }
}
