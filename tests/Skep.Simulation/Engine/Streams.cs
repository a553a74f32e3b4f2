using Grpc.Core;

namespace Skep.Simulation.Engine;

/// <summary>The server's end of a stream of messages.</summary>
internal sealed class OutgoingStream<T>(Action<T> send) : IServerStreamWriter<T>
{
    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled(cancellationToken);
        send(message);
        return Task.CompletedTask;
    }
}

/// <summary>The client's end of a stream of messages; one reader.</summary>
internal sealed class IncomingStream<T>
{
    private readonly Queue<T> _messages = new();
    private Exception? _end;
    private TaskCompletionSource? _news;

    public void Add(T message)
    {
        if (_end is not null)
            return;
        _messages.Enqueue(message);
        _news?.TrySetResult();
    }

    public void End(Exception reason)
    {
        _end ??= reason;
        _news?.TrySetResult();
    }

    /// <summary>The next message.</summary>
    /// <exception cref="Exception">Why the stream ended.</exception>
    public async Task<T> NextAsync()
    {
        while (true)
        {
            if (_messages.TryDequeue(out var message))
                return message;
            if (_end is not null)
                throw _end;
            _news = new TaskCompletionSource();
            await _news.Task;
        }
    }
}
