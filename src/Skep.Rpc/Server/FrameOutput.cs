using System.Buffers;
using System.Buffers.Binary;
using Skep.Rpc.Http2;

namespace Skep.Rpc.Server;

/// <summary>
/// What a connection sends: frames in a buffer that one writer at a time carries away. Messages that the peer or the buffer has no room for wait in
/// their streams, which get their turns one frame after the other. Thread-safe.
/// </summary>
/// <param name="transport">Takes the bytes.</param>
/// <param name="failed">Told when the transport does not take them.</param>
internal sealed class FrameOutput(Stream transport, Action<Exception> failed)
{
    private const int SmallBuffer = 1024;

    /// <summary>Streams' messages wait while so much is unsent.</summary>
    private const int Full = 256 * 1024;

    /// <summary>
    /// Requests wait while so much is unsent: only their answers can have made it so many. Never because of streams: a caller that is slow to read those must
    /// still be heard, or its heartbeats are missed.
    /// </summary>
    private const int Flooded = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<RpcStream> _waiting = [];
    private readonly Wakeup _room = new(elsewhere: true);
    private byte[]? _buffer;
    private int _length;
    private long _window = Frame.DefaultWindow;
    private int _streamWindow = Frame.DefaultWindow;
    private bool _isWriting;
    private bool _isHeld;
    private TaskCompletionSource? _emptied;
    private bool _isClosed;

    /// <summary>A frame that is subject to no window.</summary>
    public void Write(FrameType type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
            Append(type, flags, stream, payload);
    }

    /// <summary>A frame whose payload is a number: more window, or why a stream is reset.</summary>
    public void Write(FrameType type, int stream, int number)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, number);
        Write(type, 0, stream, payload);
    }

    /// <summary>A stream begins: its window is what the peer has said of all.</summary>
    public void Open(RpcStream stream)
    {
        lock (_lock)
            stream.Window = _streamWindow;
    }

    /// <summary>Sends a message when its turn comes.</summary>
    /// <returns>Completes when the buffer has all of it, or the connection has ended.</returns>
    public ValueTask SendAsync(RpcStream stream, MessageBuffer message)
    {
        lock (_lock)
        {
            Send(stream, message);
            return stream.Unsent is null ? ValueTask.CompletedTask : stream.WaitForWriter();
        }
    }

    /// <summary>The same for a message that is followed by the end of its stream, which waits for nothing.</summary>
    public void Send(RpcStream stream, MessageBuffer message)
    {
        lock (_lock)
        {
            if (_isClosed || stream.IsOver)
            {
                message.Return();
                return;
            }
            if (!stream.HasHeaders)
            {
                stream.HasHeaders = true;
                Append(FrameType.Headers, Frame.EndHeaders, stream.Id, ResponseHeaders.First);
            }
            stream.Unsent = message;
            while (stream.Unsent is not null && _waiting.Count == 0 && _length < Full && SendSome(stream))
            {
                // One frame after the other.
            }
            if (stream.Unsent is not null)
                Queue(stream);
        }
    }

    /// <summary>Ends a stream, after the message that may still wait.</summary>
    public void End(RpcStream stream, byte[] trailers)
    {
        lock (_lock)
        {
            stream.Trailers = trailers;
            if (stream.Unsent is null)
                WriteTrailers(stream);
        }
    }

    /// <summary>Nothing more of it is to be sent.</summary>
    public void Drop(RpcStream stream)
    {
        lock (_lock)
        {
            stream.Unsent?.Return();
            stream.Unsent = null;
            stream.Over();
        }
        stream.WakeWriter();
    }

    /// <summary>The peer takes more of a stream, or (0) of all.</summary>
    /// <returns>False: more than there can be.</returns>
    public bool Widen(RpcStream? stream, int more)
    {
        lock (_lock)
        {
            var window = stream is null ? _window += more : stream.Window += more;
            if (stream is { Unsent: not null })
                Queue(stream);
            SendWaiting();
            return window <= int.MaxValue;
        }
    }

    /// <summary>The peer has said how much it takes of each stream at first.</summary>
    public void WidenAll(int window, IEnumerable<RpcStream> streams)
    {
        lock (_lock)
        {
            foreach (var stream in streams)
            {
                stream.Window += window - _streamWindow;
                if (stream.Unsent is not null)
                    Queue(stream);
            }
            _streamWindow = window;
            SendWaiting();
        }
    }

    /// <summary>Frames gather until <see cref="Release"/>: what a batch of requests is answered with goes out together.</summary>
    public void Hold()
    {
        lock (_lock)
            _isHeld = true;
    }

    /// <summary>Ends <see cref="Hold"/>.</summary>
    /// <returns>Completes when the peer takes what it is sent: whoever reads its requests waits for that.</returns>
    public ValueTask Release()
    {
        ValueTask room;
        lock (_lock)
        {
            _isHeld = false;
            room = _length < Flooded || _isClosed ? ValueTask.CompletedTask : _room.Arm();
        }
        Flush();
        return room;
    }

    /// <summary>Sends what there is, unless somebody is at it: he then sends this too.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_isWriting || _isHeld || _isClosed || _length == 0)
                return;
            _isWriting = true;
        }
        _ = WriteAsync();
    }

    /// <summary>Completes when everything is sent, or nothing more will be.</summary>
    public Task EmptiedAsync()
    {
        lock (_lock)
        {
            if (_isClosed || (!_isWriting && _length == 0))
                return Task.CompletedTask;
            return (_emptied ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Nothing more is sent.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            _waiting.Clear();
            if (_buffer is not null)
                ArrayPool<byte>.Shared.Return(_buffer);
            (_buffer, _length) = (null, 0);
            _emptied?.TrySetResult();
        }
        _room.Set();
    }

    private async Task WriteAsync()
    {
        while (true)
        {
            byte[] buffer;
            int length;
            lock (_lock)
            {
                if (_length == 0 || _isClosed)
                {
                    _isWriting = false;
                    _emptied?.TrySetResult();
                    return;
                }
                (buffer, length) = (_buffer!, _length);
                (_buffer, _length) = (null, 0);
                SendWaiting();
            }
            _room.Set();
            try
            {
                await transport.WriteAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Whatever it was: the connection is at its end.
                failed(e);
            }
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void SendWaiting()
    {
        for (var turns = _waiting.Count; turns > 0 && _length < Full && _window > 0; turns = _waiting.Count)
        {
            var stream = _waiting.Dequeue();
            stream.IsWaiting = false;
            // Without a window of its own it is out of the queue until it has one.
            if (stream.Unsent is not null && SendSome(stream) && stream.Unsent is not null)
                Queue(stream);
        }
    }

    private void Queue(RpcStream stream)
    {
        if (stream.IsWaiting)
            return;
        stream.IsWaiting = true;
        _waiting.Enqueue(stream);
    }

    /// <summary>As much of its message as a frame and the windows take.</summary>
    /// <returns>False: there is no window.</returns>
    private bool SendSome(RpcStream stream)
    {
        var message = stream.Unsent!;
        var rest = message.Rest;
        var length = (int)Math.Min(Math.Min(rest.Length, Frame.MaxPayload), Math.Min(_window, stream.Window));
        if (length <= 0)
            return false;
        Append(FrameType.Data, 0, stream.Id, rest[..length]);
        message.Sent(length);
        stream.Window -= length;
        _window -= length;
        if (length < rest.Length)
            return true;
        message.Return();
        stream.Unsent = null;
        stream.WakeWriter();
        if (stream.Trailers is not null)
            WriteTrailers(stream);
        return true;
    }

    private void WriteTrailers(RpcStream stream)
    {
        if (stream.IsOver)
            return;
        Append(FrameType.Headers, Frame.EndHeaders | Frame.EndStream, stream.Id, stream.Trailers);
        stream.Over();
    }

    private void Append(FrameType type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        if (_isClosed)
            return;
        var needed = Frame.HeaderBytes + payload.Length;
        if (_buffer is null || _buffer.Length - _length < needed)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallBuffer, 2 * (_length + needed)));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            if (_buffer is not null)
                ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        new Frame(payload.Length, type, flags, stream).Write(_buffer.AsSpan(_length));
        payload.CopyTo(_buffer.AsSpan(_length + Frame.HeaderBytes));
        _length += needed;
    }
}
