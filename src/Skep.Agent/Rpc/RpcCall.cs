using System.Threading.Tasks.Sources;
using Google.Protobuf;
using Grpc.Core;
using Skep.Rpc;

namespace Skep.Agent.Rpc;

/// <summary>A call on a <see cref="ManagerConnection"/> as the connection sees it: takes the answer's bytes, then its end.</summary>
internal abstract class RpcCall : MessageReader
{
    /// <summary>The stream's number on its connection; 0 before.</summary>
    public int Stream { get; set; }

    /// <summary>How much may still be sent. The connection's.</summary>
    public long SendWindow { get; set; }

    /// <summary>What could not be sent yet. The connection's.</summary>
    public ReadOnlyMemory<byte> Unsent { get; set; }

    /// <summary>How much was received since the peer was last told so. The connection's.</summary>
    public int Received { get; set; }

    protected override int MaxMessageBytes => ClusterChannel.MaxMessageBytes;

    /// <summary>Nothing more comes.</summary>
    /// <param name="error">Null: it went well.</param>
    public void End(RpcException? error)
    {
        Forget();
        Ended(error);
    }

    protected abstract void Ended(RpcException? error);
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

    protected override void Message(ReadOnlyMemory<byte> message) => _message = _parser.ParseFrom(message.Span);

    protected override void Ended(RpcException? error)
    {
        if (error is null && _message is { } message)
            _answer.SetResult(message);
        else
            _answer.SetException(error ?? new RpcException(new Status(StatusCode.Internal, "there is no message in the answer")));
    }
}

/// <summary>A call whose answers come until the peer ends it. Whoever waits for them goes on on his own scheduler.</summary>
internal sealed class StreamingCall<T>(MessageParser<T> parser) : RpcCall
    where T : class, IMessage<T>
{
    private readonly Lock _lock = new();
    private readonly Queue<byte[]> _messages = [];
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
                    Current = _parser.ParseFrom(message);
                    return true;
                }
                if (_hasEnded)
                    return _error is null ? false : throw _error;
                news = _news.Arm();
            }
            await news;
        }
    }

    protected override void Message(ReadOnlyMemory<byte> message)
    {
        // Parsed by whoever takes it: the connection's reader has others to read for.
        var copy = message.ToArray();
        lock (_lock)
            _messages.Enqueue(copy);
        _news.Set();
    }

    protected override void Ended(RpcException? error)
    {
        lock (_lock)
            (_hasEnded, _error) = (true, error);
        _news.Set();
    }
}
