using System.Buffers;
using System.Buffers.Binary;
using System.Threading.Tasks.Sources;
using Google.Protobuf;
using Grpc.Core;

namespace Skep.Agent.Rpc;

/// <summary>A call on a <see cref="ManagerConnection"/> as the connection sees it: takes the answer's bytes, then its end.</summary>
internal abstract class RpcCall
{
    /// <summary>gRPC's prefix of each message: whether it is compressed, and its length.</summary>
    public const int PrefixBytes = 5;

    private byte[]? _part;
    private int _partLength;

    /// <summary>The stream's number on its connection; 0 before.</summary>
    public int Stream { get; set; }

    /// <summary>How much may still be sent. The connection's.</summary>
    public long SendWindow { get; set; }

    /// <summary>What could not be sent yet. The connection's.</summary>
    public ReadOnlyMemory<byte> Unsent { get; set; }

    /// <summary>How much was received since the peer was last told so. The connection's.</summary>
    public int Received { get; set; }

    /// <summary>Bytes of the answer; in any pieces.</summary>
    /// <exception cref="InvalidDataException">They are no messages of gRPC, or not of this call.</exception>
    public void Take(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            if (_partLength == 0 && Whole(data) is var whole and > 0 && whole <= data.Length)
            {
                Message(data[PrefixBytes..whole]);
                data = data[whole..];
                continue;
            }
            data = data[Keep(data)..];
            if (_partLength >= PrefixBytes && Whole(_part) == _partLength)
            {
                Message(_part.AsSpan(PrefixBytes, _partLength - PrefixBytes));
                Forget();
            }
        }
    }

    /// <summary>Nothing more comes.</summary>
    /// <param name="error">Null: it went well.</param>
    public void End(RpcException? error)
    {
        Forget();
        Ended(error);
    }

    protected abstract void Message(ReadOnlySpan<byte> message);

    protected abstract void Ended(RpcException? error);

    /// <summary>The length of the message that begins here, with its prefix; 0 when not even that is there.</summary>
    private static int Whole(ReadOnlySpan<byte> data)
    {
        if (data.Length < PrefixBytes)
            return 0;
        var length = BinaryPrimitives.ReadUInt32BigEndian(data[1..]);
        if (data[0] != 0 || length > ClusterChannel.MaxMessageBytes)
            throw new InvalidDataException("a message is compressed or too long");
        return PrefixBytes + (int)length;
    }

    /// <summary>Keeps as much as belongs to the message that has begun.</summary>
    private int Keep(ReadOnlySpan<byte> data)
    {
        var wanted = _partLength < PrefixBytes ? PrefixBytes : Whole(_part);
        var taken = Math.Min(wanted - _partLength, data.Length);
        if (_part is null || _part.Length < wanted)
        {
            var larger = ArrayPool<byte>.Shared.Rent(wanted);
            _part.AsSpan(0, _partLength).CopyTo(larger);
            if (_part is not null)
                ArrayPool<byte>.Shared.Return(_part);
            _part = larger;
        }
        data[..taken].CopyTo(_part.AsSpan(_partLength));
        _partLength += taken;
        return taken;
    }

    private void Forget()
    {
        if (_part is not null)
            ArrayPool<byte>.Shared.Return(_part);
        (_part, _partLength) = (null, 0);
    }
}

/// <summary>A call with one answer. When it has come, the same object can be used for the next call, on the same connection or another.</summary>
internal sealed class UnaryCall<T>(MessageParser<T> parser) : RpcCall, IValueTaskSource<T>
    where T : class, IMessage<T>
{
    private readonly MessageParser<T> _parser = parser.WithDiscardUnknownFields(true);
    // Continuations run on the connection's reader: one thread less is woken for each answer.
    private ManualResetValueTaskSourceCore<T> _answer;
    private T? _message;

    /// <exception cref="RpcException">The peer refuses, or the connection is broken.</exception>
    public ValueTask<T> InvokeAsync(ManagerConnection connection, string path, IMessage request)
    {
        _answer.Reset();
        _message = null;
        var answer = new ValueTask<T>(this, _answer.Version);
        connection.Start(this, path, request);
        return answer;
    }

    public T GetResult(short token) => _answer.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _answer.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);

    protected override void Message(ReadOnlySpan<byte> message) => _message = _parser.ParseFrom(message);

    protected override void Ended(RpcException? error)
    {
        if (error is null && _message is { } message)
            _answer.SetResult(message);
        else
            _answer.SetException(error ?? new RpcException(new Status(StatusCode.Internal, "there is no message in the answer")));
    }
}

/// <summary>A call whose answers come until the peer ends it.</summary>
internal sealed class StreamingCall<T>(MessageParser<T> parser) : RpcCall
    where T : class, IMessage<T>
{
    private readonly Lock _lock = new();
    private readonly Queue<T> _messages = [];
    private readonly MessageParser<T> _parser = parser.WithDiscardUnknownFields(true);
    private readonly Wakeup _news = new(elsewhere: false);
    private bool _hasEnded;
    private RpcException? _error;

    public T Current { get; private set; } = null!;

    /// <summary>False when the peer has ended the call without an error. One caller at a time.</summary>
    /// <exception cref="RpcException">The peer ended it with an error, or the connection is broken.</exception>
    public async ValueTask<bool> MoveNextAsync()
    {
        while (true)
        {
            ValueTask news;
            lock (_lock)
            {
                if (_messages.TryDequeue(out var message))
                {
                    Current = message;
                    return true;
                }
                if (_hasEnded)
                    return _error is null ? false : throw _error;
                news = _news.Arm();
            }
            await news.ConfigureAwait(false);
        }
    }

    protected override void Message(ReadOnlySpan<byte> message)
    {
        var parsed = _parser.ParseFrom(message);
        lock (_lock)
            _messages.Enqueue(parsed);
        _news.Set();
    }

    protected override void Ended(RpcException? error)
    {
        lock (_lock)
            (_hasEnded, _error) = (true, error);
        _news.Set();
    }
}
