using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Skep.Rpc;
using Skep.Rpc.Http2;
using Skep.Rpc.Polling;

namespace Skep.Agent.Rpc;

/// <summary>
/// A connection to a manager that carries gRPC calls: TLS, and as much of HTTP/2 as they need. It exists beside Grpc.Net.Client because thousands of
/// agents share a machine with the managers they measure: a call costs a few microseconds here, and an idle connection holds no buffers and no timers.
/// Thread-safe.
/// </summary>
internal sealed class ManagerConnection : IDisposable
{
    /// <summary>What a peer may send ahead. All that comes is taken at once, so it bounds no more than a burst.</summary>
    private const int ReceiveWindow = 4 * 1024 * 1024;

    private const int SmallOutput = 1024;

    private readonly PolledStream _bytes;
    private readonly SslStream _tls;
    private readonly RequestHeaders _headers;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, RpcCall> _calls = [];
    private byte[]? _output;
    private int _outputLength;
    private bool _isWriting;
    private int _lastStream = -1;
    private long _sendWindow = Frame.DefaultWindow;
    private int _streamWindow = Frame.DefaultWindow;
    private int _received;
    private RpcException? _fault;
    private bool _isSilent;

    private ManagerConnection(PolledStream bytes, SslStream tls, string address)
    {
        _bytes = bytes;
        _tls = tls;
        _headers = new RequestHeaders(address);
    }

    /// <summary>See <see cref="PolledStream.HasUnread"/>.</summary>
    public bool HasUnread => _bytes.HasUnread;

    /// <summary>Connects, with TLS.</summary>
    /// <param name="address">host:port of a manager.</param>
    /// <param name="tls">Whom to trust, and who one is.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="RpcException">It cannot be reached or is not trusted (Unavailable), or the attempt was cancelled (Cancelled).</exception>
    public static async Task<ManagerConnection> OpenAsync(string address, SslClientAuthenticationOptions tls, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ClusterChannel.ConnectTimeout);
        Socket? socket = null;
        SslStream? stream = null;
        try
        {
            var uri = new Uri("tcp://" + address);
            tls.TargetHost ??= uri.IdnHost;
            var addresses = await Dns.GetHostAddressesAsync(uri.IdnHost, limit.Token).ConfigureAwait(false);
            var bytes = await ConnectAsync(addresses, uri.Port, limit.Token).ConfigureAwait(false);
            socket = bytes.Socket;
            stream = new SslStream(bytes, leaveInnerStreamOpen: false);
            await stream.AuthenticateAsClientAsync(tls, limit.Token).ConfigureAwait(false);
            var connection = new ManagerConnection(bytes, stream, address);
            connection.Greet();
            _ = connection.ReadAsync();
            return connection;
        }
        catch (Exception e)
        {
            stream?.Dispose();
            socket?.Dispose();
            if (cancellation.IsCancellationRequested)
                throw new RpcException(new Status(StatusCode.Cancelled, "the attempt to connect was cancelled"));
            var cause = e is OperationCanceledException ? new TimeoutException($"no connection within {ClusterChannel.ConnectTimeout.TotalSeconds} s", e) : e;
            throw new RpcException(new Status(StatusCode.Unavailable, $"cannot connect to {address}: {cause.Message}", cause));
        }
    }

    /// <summary>To the first of the addresses that answers. The socket outlives the stream.</summary>
    internal static async Task<PolledStream> ConnectAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancellation)
    {
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                return await PolledStream.ConnectAsync(socket, new IPEndPoint(addresses[i], port), ownsSocket: false, cancellation).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                socket.Dispose();
                if (e is not SocketException || i == addresses.Count - 1)
                    throw;
            }
        }
    }

    /// <summary>Begins a call; what comes of it, failure included, is told to the call.</summary>
    public void Start(RpcCall call, string path, IMessage request)
    {
        RpcException? fault;
        lock (_lock)
        {
            fault = _fault;
            if (fault is null)
            {
                call.Stream = _lastStream += 2;
                call.SendWindow = _streamWindow;
                call.Received = 0;
                _calls.Add(call.Stream, call);
                WriteRequest(call, path, request);
            }
        }
        if (fault is null)
            Flush();
        else
            call.End(fault);
    }

    /// <summary>Ends it, and every call on it, with this reason.</summary>
    public void Fail(RpcException reason)
    {
        RpcCall[] calls;
        lock (_lock)
        {
            if (_fault is not null)
                return;
            _fault = reason;
            calls = [.. _calls.Values];
            _calls.Clear();
        }
        _tls.Dispose();
        if (!_isSilent)
            _bytes.Socket.Dispose();
        foreach (var call in calls)
            call.End(reason);
    }

    /// <summary>Ends it as a loss of power does: the peer hears nothing, not even that it has ended.</summary>
    /// <returns>What is left of it. To be disposed of when the power is back: the peer then learns that its connection is of the past.</returns>
    public IDisposable LosePower()
    {
        _isSilent = true;
        Fail(new RpcException(new Status(StatusCode.Unavailable, "power lost")));
        return new Remains(_bytes.Socket);
    }

    public void Dispose() => Fail(new RpcException(new Status(StatusCode.Cancelled, "the connection was closed")));

    private void Greet()
    {
        lock (_lock)
        {
            Append(Frame.Preface);
            Span<byte> settings = stackalloc byte[3 * Frame.SettingBytes];
            Frame.WriteSetting(settings, Frame.SettingHeaderTableSize, 0);
            Frame.WriteSetting(settings[Frame.SettingBytes..], Frame.SettingEnablePush, 0);
            Frame.WriteSetting(settings[(2 * Frame.SettingBytes)..], Frame.SettingInitialWindow, ReceiveWindow);
            AppendFrame(FrameType.Settings, 0, 0, settings);
            AppendWindowUpdate(0, ReceiveWindow - Frame.DefaultWindow);
        }
        Flush();
    }

    private async Task ReadAsync()
    {
        Action<Frame, ReadOnlyMemory<byte>> takeFrame = TakeFrame;
        byte[]? buffer = null;
        try
        {
            for (var filled = 0; ;)
            {
                if (buffer is null)
                {
                    // Waits without a buffer: most connections are idle most of the time.
                    await _tls.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
                    buffer = ArrayPool<byte>.Shared.Rent(Frame.ReadBufferBytes);
                }
                var read = await _tls.ReadAsync(buffer.AsMemory(filled)).ConfigureAwait(false);
                if (read == 0)
                    throw new EndOfStreamException("the manager closed the connection");
                filled += read;
                var used = Frame.TakeAll(buffer.AsMemory(0, filled), takeFrame);
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
                Flush();
            }
        }
        catch (Exception e)
        {
            // Whatever it was: the connection is at its end, and the calls are told so.
            Fail(Broken(e));
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void TakeFrame(Frame frame, ReadOnlyMemory<byte> payload)
    {
        switch (frame.Type)
        {
            case FrameType.Data:
                TakeData(frame, payload);
                break;
            case FrameType.Headers when frame.Has(Frame.EndHeaders):
                TakeHeaders(frame, ResponseHeaders.Read(frame.Content(payload).Span));
                break;
            case FrameType.Headers or FrameType.Continuation:
                throw new InvalidDataException("headers of more than one frame are not for this client");
            case FrameType.ResetStream:
                End(frame.Stream, new RpcException(new Status(StatusCode.Unavailable, "the manager broke off the call")));
                break;
            case FrameType.Settings when !frame.Has(Frame.Ack):
                TakeSettings(payload.Span);
                break;
            case FrameType.Ping when !frame.Has(Frame.Ack):
                lock (_lock)
                    AppendFrame(FrameType.Ping, Frame.Ack, 0, payload.Span);
                break;
            case FrameType.GoAway:
                throw new EndOfStreamException("the manager goes away");
            case FrameType.WindowUpdate:
                TakeWindow(frame.Stream, (int)(BinaryPrimitives.ReadUInt32BigEndian(payload.Span) & int.MaxValue));
                break;
        }
    }

    private void TakeData(Frame frame, ReadOnlyMemory<byte> payload)
    {
        RpcCall? call;
        lock (_lock)
        {
            call = _calls.GetValueOrDefault(frame.Stream);
            _received += frame.Length;
            if (_received >= ReceiveWindow / 2)
            {
                AppendWindowUpdate(0, _received);
                _received = 0;
            }
            if (call is not null && !frame.Has(Frame.EndStream) && (call.Received += frame.Length) >= ReceiveWindow / 2)
            {
                AppendWindowUpdate(frame.Stream, call.Received);
                call.Received = 0;
            }
        }
        call?.Take(frame.Content(payload));
        if (frame.Has(Frame.EndStream))
            End(frame.Stream, new RpcException(new Status(StatusCode.Internal, "the answer ended without a status")));
    }

    private void TakeHeaders(Frame frame, ResponseHeaders headers)
    {
        if (headers.GrpcStatus is { } status)
            End(frame.Stream, status == 0 ? null : new RpcException(new Status((StatusCode)status, headers.GrpcMessage)));
        else if (headers.HttpStatus is not (0 or 200))
            End(frame.Stream, new RpcException(new Status(StatusCode.Unavailable, $"the manager answers with HTTP status {headers.HttpStatus}")));
        else if (frame.Has(Frame.EndStream))
            End(frame.Stream, new RpcException(new Status(StatusCode.Internal, "the answer ended without a status")));
    }

    private void TakeSettings(ReadOnlySpan<byte> settings)
    {
        lock (_lock)
        {
            for (; settings.Length >= Frame.SettingBytes; settings = settings[Frame.SettingBytes..])
            {
                var value = BinaryPrimitives.ReadUInt32BigEndian(settings[2..]);
                switch (BinaryPrimitives.ReadUInt16BigEndian(settings))
                {
                    case Frame.SettingHeaderTableSize:
                        _headers.TableSize(value);
                        break;
                    case Frame.SettingInitialWindow:
                        foreach (var call in _calls.Values)
                            call.SendWindow += (int)value - _streamWindow;
                        _streamWindow = (int)value;
                        break;
                }
            }
            AppendFrame(FrameType.Settings, Frame.Ack, 0, []);
            SendUnsent();
        }
    }

    private void TakeWindow(int stream, int more)
    {
        lock (_lock)
        {
            if (stream == 0)
                _sendWindow += more;
            else if (_calls.TryGetValue(stream, out var call))
                call.SendWindow += more;
            SendUnsent();
        }
    }

    private void End(int stream, RpcException? error)
    {
        RpcCall? call;
        lock (_lock)
        {
            if (!_calls.Remove(stream, out call))
                return;
            call.Unsent = default;
        }
        call.End(error);
    }

    private void WriteRequest(RpcCall call, string path, IMessage request)
    {
        var block = Reserve(Frame.HeaderBytes + RequestHeaders.MaxBytes);
        var length = _headers.Write(path, block[Frame.HeaderBytes..]);
        new Frame(length, FrameType.Headers, Frame.EndHeaders, call.Stream).Write(block);
        _outputLength += Frame.HeaderBytes + length;

        var size = request.CalculateSize();
        var whole = MessageReader.PrefixBytes + size;
        if (whole <= Math.Min(Frame.MaxPayload, Math.Min(_sendWindow, call.SendWindow)))
        {
            var data = Reserve(Frame.HeaderBytes + whole);
            new Frame(whole, FrameType.Data, Frame.EndStream, call.Stream).Write(data);
            WriteMessage(request, size, data[Frame.HeaderBytes..]);
            _outputLength += Frame.HeaderBytes + whole;
            _sendWindow -= whole;
            call.SendWindow -= whole;
        }
        else
        {
            var data = new byte[whole];
            WriteMessage(request, size, data);
            call.Unsent = data;
            SendUnsent(call);
        }
    }

    private static void WriteMessage(IMessage request, int size, Span<byte> to)
    {
        to[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(to[1..], size);
        request.WriteTo(to.Slice(MessageReader.PrefixBytes, size));
    }

    private void SendUnsent()
    {
        foreach (var call in _calls.Values)
            SendUnsent(call);
    }

    /// <summary>Sends as much of it as the peer takes now.</summary>
    private void SendUnsent(RpcCall call)
    {
        while (call.Unsent.Length > 0 && Math.Min(_sendWindow, call.SendWindow) is var window and > 0)
        {
            var length = (int)Math.Min(Math.Min(call.Unsent.Length, window), Frame.MaxPayload);
            AppendFrame(FrameType.Data, length == call.Unsent.Length ? Frame.EndStream : (byte)0, call.Stream, call.Unsent.Span[..length]);
            call.Unsent = call.Unsent[length..];
            call.SendWindow -= length;
            _sendWindow -= length;
        }
    }

    private void AppendWindowUpdate(int stream, int more)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, more);
        AppendFrame(FrameType.WindowUpdate, 0, stream, payload);
    }

    private void AppendFrame(FrameType type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        new Frame(payload.Length, type, flags, stream).Write(Reserve(Frame.HeaderBytes));
        _outputLength += Frame.HeaderBytes;
        Append(payload);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        _outputLength += bytes.Length;
    }

    /// <summary>Room at the end of what is to be sent.</summary>
    private Span<byte> Reserve(int length)
    {
        if (_output is null || _output.Length - _outputLength < length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallOutput, 2 * (_outputLength + length)));
            _output.AsSpan(0, _outputLength).CopyTo(larger);
            if (_output is not null)
                ArrayPool<byte>.Shared.Return(_output);
            _output = larger;
        }
        return _output.AsSpan(_outputLength, length);
    }

    /// <summary>Sends what there is, unless somebody is at it: he then sends this too.</summary>
    private void Flush()
    {
        lock (_lock)
        {
            if (_isWriting || _outputLength == 0)
                return;
            _isWriting = true;
        }
        _ = WriteAsync();
    }

    private async Task WriteAsync()
    {
        while (true)
        {
            byte[] output;
            int length;
            lock (_lock)
            {
                if (_outputLength == 0 || _fault is not null)
                {
                    _isWriting = false;
                    return;
                }
                (output, length) = (_output!, _outputLength);
                (_output, _outputLength) = (null, 0);
            }
            try
            {
                await _tls.WriteAsync(output.AsMemory(0, length)).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Fail(Broken(e));
            }
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    private static RpcException Broken(Exception e) => e as RpcException ?? new RpcException(new Status(StatusCode.Unavailable, e.GetBaseException().Message, e));

    /// <summary>A socket whose host is without power.</summary>
    private sealed class Remains(Socket socket) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                // A reset, not a farewell: what a host that has started again answers.
                socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The connection had ended before the power went.
            }
            socket.Dispose();
        }
    }
}
