using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>A method of a service, as the server sees it.</summary>
/// <param name="path">/package.Service/Method.</param>
/// <param name="maxMessageBytes">Of a request's message.</param>
/// <param name="takesOne">Whether a request is one message, without which the method is not called.</param>
internal abstract class RpcMethod(string path, int maxMessageBytes, bool takesOne)
{
    public string Path => path;

    public int MaxMessageBytes => maxMessageBytes;

    public bool TakesOne => takesOne;

    public abstract object Parse(LentMessage lent, ReadOnlyMemory<byte> message);

    /// <summary>Calls the service; its messages go to the stream.</summary>
    /// <param name="stream">The call.</param>
    /// <param name="request">Null when requests are a stream.</param>
    public abstract Task InvokeAsync(RpcStream stream, object? request);
}

internal abstract class RpcMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, int maxMessageBytes)
    : RpcMethod(method.FullName, maxMessageBytes, takesOne: method.Type is MethodType.Unary or MethodType.ServerStreaming)
    where TRequest : class
    where TResponse : class
{
    protected Marshaller<TResponse> Response => method.ResponseMarshaller;

    public override object Parse(LentMessage lent, ReadOnlyMemory<byte> message) => lent.Parse(method.RequestMarshaller, message);

    protected void Answer(RpcStream stream, TResponse? response) =>
        stream.Answer(MessageBuffer.Of(response ?? throw new RpcException(new Status(StatusCode.Cancelled, "No message returned from method.")), Response));
}

internal sealed class UnaryMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> call, int maxMessageBytes)
    : RpcMethod<TRequest, TResponse>(method, maxMessageBytes)
    where TRequest : class
    where TResponse : class
{
    public override async Task InvokeAsync(RpcStream stream, object? request) => Answer(stream, await call((TRequest)request!, stream.Call).ConfigureAwait(false));
}

internal sealed class ServerStreamingMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> call, int maxMessageBytes)
    : RpcMethod<TRequest, TResponse>(method, maxMessageBytes)
    where TRequest : class
    where TResponse : class
{
    public override Task InvokeAsync(RpcStream stream, object? request) => call((TRequest)request!, new ResponseWriter<TResponse>(stream, Response), stream.Call);
}

internal sealed class ClientStreamingMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> call, int maxMessageBytes)
    : RpcMethod<TRequest, TResponse>(method, maxMessageBytes)
    where TRequest : class
    where TResponse : class
{
    public override async Task InvokeAsync(RpcStream stream, object? request) => Answer(stream, await call(new RequestReader<TRequest>(stream), stream.Call).ConfigureAwait(false));
}

internal sealed class DuplexStreamingMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> call, int maxMessageBytes)
    : RpcMethod<TRequest, TResponse>(method, maxMessageBytes)
    where TRequest : class
    where TResponse : class
{
    public override Task InvokeAsync(RpcStream stream, object? request) => call(new RequestReader<TRequest>(stream), new ResponseWriter<TResponse>(stream, Response), stream.Call);
}

/// <summary>The messages that a caller sends, one after the other.</summary>
internal sealed class RequestReader<T>(RpcStream stream) : IAsyncStreamReader<T>
    where T : class
{
    public T Current { get; private set; } = null!;

    /// <exception cref="IOException">The caller went away.</exception>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        Current = (T)(await stream.NextRequestAsync(cancellationToken).ConfigureAwait(false))!;
        return Current is not null;
    }
}

/// <summary>Sends a caller messages; each write waits until the connection has taken the message.</summary>
internal sealed class ResponseWriter<T>(RpcStream stream, Marshaller<T> marshaller) : IServerStreamWriter<T>
    where T : class
{
    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    /// <exception cref="OperationCanceledException">The caller went away, or the token says so.</exception>
    public Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return stream.WriteAsync(MessageBuffer.Of(message, marshaller), cancellationToken);
    }
}
