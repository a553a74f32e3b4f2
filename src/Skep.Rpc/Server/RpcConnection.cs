using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Rpc.Hpack;
using Skep.Rpc.Http2;

namespace Skep.Rpc.Server;

/// <summary>
/// A connection with a caller: as much of HTTP/2 (RFC 9113) as gRPC needs. Requests are run by the one who reads them until they wait for something, so
/// that a call that needs not wait costs no change of thread; while it is idle, a connection holds no buffer.
/// </summary>
internal sealed class RpcConnection
{
    /// <summary>Of one engine: its session's few streams, and one for every reader of logs.</summary>
    private const int MaxStreams = 96;

    /// <summary>Bytes that a caller may send on a stream ahead of what the method has taken.</summary>
    private const int StreamWindow = 128 * 1024;

    /// <summary>On all streams together, ahead of what was read here. Streams that wait for their methods do not count: they must not hold up others.</summary>
    private const int Window = 1024 * 1024;


    // HTTP/2's reasons for the end of a stream.
    public const int NoError = 0;
    private const int FlowControlError = 3;
    private const int RefusedStream = 7;

    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(50);

    private readonly RpcServer _server;
    private readonly HeaderDecoder _headers = new();
    private readonly RequestHeaders _request;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, RpcStream> _streams = [];
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _open;
    private bool _isClosed;
    private bool _isStopping;
    private int _lastStream;
    private int _received;
    private long _lastRead;
    private byte[]? _headerBlock;
    private int _headerBlockStream;
    private bool _headerBlockEnds;

    public RpcConnection(RpcServer server, RpcPeer peer)
    {
        (_server, Peer) = (server, peer);
        _request = new RequestHeaders(server.Methods);
        _lastRead = server.Time.GetTimestamp();
        Output = new FrameOutput(peer.Transport, Close);
    }

    public RpcPeer Peer { get; }

    public FrameOutput Output { get; }

    /// <summary>The reader's: requests are parsed one at a time.</summary>
    public LentMessage Lent { get; } = new();

    public ILogger Logger => _server.Logger;

    /// <summary>Completes when no call is left on a connection that is closed or takes no new ones.</summary>
    public Task Idle => _idle.Task;

    public ValueTask AuthorizeAsync(ServerCall call) => _server.AuthorizeAsync(call);

    /// <summary>Serves the caller until one of the two goes away.</summary>
    public async Task RunAsync()
    {
        Greet();
        Action<Frame, ReadOnlyMemory<byte>> takeFrame = TakeFrame;
        byte[]? buffer = null;
        try
        {
            var greeted = false;
            for (var filled = 0; ;)
            {
                if (buffer is null)
                {
                    await Peer.Transport.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
                    buffer = ArrayPool<byte>.Shared.Rent(Frame.ReadBufferBytes);
                }
                var read = await Peer.Transport.ReadAsync(buffer.AsMemory(filled)).ConfigureAwait(false);
                if (read == 0)
                    break;
                _lastRead = _server.Time.GetTimestamp();
                filled += read;
                var used = 0;
                Output.Hold();
                try
                {
                    if (!greeted && filled >= Frame.Preface.Length)
                    {
                        if (!buffer.AsSpan(0, Frame.Preface.Length).SequenceEqual(Frame.Preface))
                            throw new InvalidDataException("it does not speak HTTP/2");
                        (greeted, used) = (true, Frame.Preface.Length);
                    }
                    if (greeted)
                        used += Frame.TakeAll(buffer.AsMemory(used, filled - used), takeFrame);
                }
                finally
                {
                    await Output.Release().ConfigureAwait(false);
                }
                filled -= used;
                if (filled > 0)
                {
                    buffer.AsSpan(used, filled).CopyTo(buffer);
                }
                else
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = null;
                }
            }
            Close(new EndOfStreamException("it closed the connection"));
        }
        catch (Exception e)
        {
            // Whatever it was: the connection is at its end, and so are its calls.
            Close(e);
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
        await Idle.ConfigureAwait(false);
    }

    /// <summary>Asks a caller that is silent whether it is still there, and gives up one that does not answer.</summary>
    public void Check()
    {
        var silent = _server.Time.GetElapsedTime(Volatile.Read(ref _lastRead));
        if (silent > DeadAfter)
        {
            Close(new TimeoutException($"nothing was heard of it for {silent.TotalSeconds:0} s"));
        }
        else if (silent > PingAfter)
        {
            Output.Write(FrameType.Ping, 0, 0, stackalloc byte[8]);
            Output.Flush();
        }
    }

    /// <summary>Takes no new calls; those that run may end.</summary>
    public void Stop()
    {
        Span<byte> goAway = stackalloc byte[8];
        lock (_lock)
        {
            _isStopping = true;
            if (_open == 0)
                _idle.TrySetResult();
            BinaryPrimitives.WriteInt32BigEndian(goAway, _lastStream);
        }
        Output.Write(FrameType.GoAway, 0, 0, goAway);
        Output.Flush();
    }

    /// <summary>Ends the connection and every call on it.</summary>
    public void Close(Exception reason)
    {
        RpcStream[] streams;
        lock (_lock)
        {
            if (_isClosed)
                return;
            _isClosed = _isStopping = true;
            streams = [.. _streams.Values];
            if (_open == 0)
                _idle.TrySetResult();
        }
        Logger.LogDebug("the connection from {Peer} ends: {Reason}", Peer.Name, reason.Message);
        Output.Close();
        foreach (var stream in streams)
        {
            Output.Drop(stream);
            stream.Abort();
        }
        Peer.Transport.Dispose();
    }

    /// <summary>A call is over, and its method has ended.</summary>
    public void Done(RpcStream stream)
    {
        lock (_lock)
        {
            _streams.Remove(stream.Id);
            _open--;
            if (_open == 0 && _isStopping)
                _idle.TrySetResult();
        }
    }

    /// <summary>The method has taken what there was: the caller may send more.</summary>
    public void Credit(RpcStream stream)
    {
        int more;
        lock (_lock)
        {
            if (stream.Uncredited < StreamWindow / 2)
                return;
            more = stream.Uncredited;
            stream.Uncredited = 0;
        }
        Output.Write(FrameType.WindowUpdate, stream.Id, more);
        Output.Flush();
    }

    private void Greet()
    {
        Span<byte> settings = stackalloc byte[3 * Frame.SettingBytes];
        Frame.WriteSetting(settings, Frame.SettingMaxStreams, MaxStreams);
        Frame.WriteSetting(settings[Frame.SettingBytes..], Frame.SettingInitialWindow, StreamWindow);
        Frame.WriteSetting(settings[(2 * Frame.SettingBytes)..], Frame.SettingMaxHeaders, RequestHeaders.MaxBytes);
        Output.Write(FrameType.Settings, 0, 0, settings);
        Output.Write(FrameType.WindowUpdate, 0, Window - Frame.DefaultWindow);
        Output.Flush();
    }

    private void TakeFrame(Frame frame, ReadOnlyMemory<byte> payload)
    {
        if (_headerBlock is not null && (frame.Type != FrameType.Continuation || frame.Stream != _headerBlockStream))
            throw new InvalidDataException("another frame within headers");
        switch (frame.Type)
        {
            case FrameType.Data:
                TakeData(frame, payload);
                break;
            case FrameType.Headers when frame.Has(Frame.EndHeaders):
                TakeHeaders(frame.Stream, frame.Content(payload).Span, frame.Has(Frame.EndStream));
                break;
            case FrameType.Headers:
                (_headerBlock, _headerBlockStream, _headerBlockEnds) = (frame.Content(payload).ToArray(), frame.Stream, frame.Has(Frame.EndStream));
                break;
            case FrameType.Continuation:
                TakeContinuation(frame, payload.Span);
                break;
            case FrameType.ResetStream:
                if (Find(frame.Stream) is { } given)
                    Abandon(given);
                break;
            case FrameType.Settings when !frame.Has(Frame.Ack):
                TakeSettings(payload.Span);
                break;
            case FrameType.Ping when !frame.Has(Frame.Ack):
                Output.Write(FrameType.Ping, Frame.Ack, 0, payload.Span);
                break;
            case FrameType.WindowUpdate:
                TakeWindow(frame.Stream, payload.Span);
                break;
            case FrameType.PushPromise:
                throw new InvalidDataException("a caller promises nothing");
        }
    }

    private RpcStream? Find(int stream)
    {
        lock (_lock)
            return _streams.GetValueOrDefault(stream);
    }

    private void Abandon(RpcStream stream)
    {
        Output.Drop(stream);
        stream.Abort();
        stream.Forget();
    }

    private void TakeContinuation(Frame frame, ReadOnlySpan<byte> payload)
    {
        if (_headerBlock is null || _headerBlock.Length + payload.Length > RequestHeaders.MaxBytes)
            throw new InvalidDataException("headers are too long, or go on where none had begun");
        byte[] block = [.. _headerBlock, .. payload];
        _headerBlock = frame.Has(Frame.EndHeaders) ? null : block;
        if (_headerBlock is null)
            TakeHeaders(frame.Stream, block, _headerBlockEnds);
    }

    private void TakeHeaders(int id, ReadOnlySpan<byte> block, bool isEnd)
    {
        _request.Clear();
        // Also those of calls that are refused: the table must know them.
        _headers.Read(block, _request);
        if (id <= _lastStream)
        {
            if (isEnd)
                Find(id)?.EndRequests();
            return;
        }
        if (id % 2 == 0)
            throw new InvalidDataException("a caller's streams have odd numbers");
        _lastStream = id;
        if (!_request.IsGrpc)
            Output.Write(FrameType.Headers, Frame.EndHeaders | Frame.EndStream, id, ResponseHeaders.NotGrpc);
        else if (_request.Method is { } method)
            Begin(method, id, isEnd);
        else
            Output.Write(FrameType.Headers, Frame.EndHeaders | Frame.EndStream, id, ResponseHeaders.Trailers(new Status(StatusCode.Unimplemented, $"there is no method {_request.UnknownPath}"), [], only: true));
    }

    private void Begin(RpcMethod method, int id, bool isEnd)
    {
        var stream = new RpcStream(this, method, id);
        Output.Open(stream);
        bool isOpen;
        lock (_lock)
        {
            // Methods count until they have ended: a caller that resets its calls does not get to run more at a time.
            isOpen = _open < MaxStreams && !_isStopping;
            if (isOpen)
            {
                _open++;
                _streams.Add(id, stream);
            }
        }
        if (!isOpen)
        {
            Output.Write(FrameType.ResetStream, id, RefusedStream);
            return;
        }
        if (!method.TakesOne)
            stream.Begin();
        if (isEnd)
            stream.EndRequests();
    }

    private void TakeData(Frame frame, ReadOnlyMemory<byte> payload)
    {
        _received += frame.Length;
        if (_received >= Window / 2)
        {
            Output.Write(FrameType.WindowUpdate, 0, _received);
            _received = 0;
        }
        if (Find(frame.Stream) is not { IsOver: false } stream)
            return;
        lock (_lock)
            stream.Uncredited += frame.Length;
        if (stream.Uncredited > StreamWindow)
        {
            Output.Write(FrameType.ResetStream, stream.Id, FlowControlError);
            Abandon(stream);
            return;
        }
        try
        {
            stream.Take(frame.Content(payload));
        }
        catch (RpcException e)
        {
            stream.Refuse(e.Status);
            return;
        }
        if (frame.Has(Frame.EndStream))
            stream.EndRequests();
        else if (stream.TakesMore)
            Credit(stream);
    }

    private void TakeSettings(ReadOnlySpan<byte> settings)
    {
        for (; settings.Length >= Frame.SettingBytes; settings = settings[Frame.SettingBytes..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(settings) != Frame.SettingInitialWindow)
                continue;
            var window = BinaryPrimitives.ReadUInt32BigEndian(settings[2..]);
            if (window > int.MaxValue)
                throw new InvalidDataException("a window is too large");
            RpcStream[] streams;
            lock (_lock)
                streams = [.. _streams.Values];
            Output.WidenAll((int)window, streams);
        }
        Output.Write(FrameType.Settings, Frame.Ack, 0, []);
    }

    private void TakeWindow(int id, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(int))
            throw new InvalidDataException("a window has no size");
        var more = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue);
        var stream = id == 0 ? null : Find(id);
        if (id != 0 && stream is null)
            return;
        if (!Output.Widen(stream, more))
            throw new InvalidDataException("a window is too large");
    }
}
