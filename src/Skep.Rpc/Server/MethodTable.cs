using System.Diagnostics.CodeAnalysis;
using System.Text;
using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>The methods that a server offers.</summary>
public sealed class MethodTable
{
    private readonly Dictionary<string, RpcMethod> _methods = new(Paths.Compared);
    private readonly Dictionary<string, RpcMethod>.AlternateLookup<ReadOnlySpan<byte>> _byBytes;

    public MethodTable() => _byBytes = _methods.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>Adds a service.</summary>
    /// <param name="bind">The generated BindService, with the service.</param>
    /// <param name="maxMessageBytes">Of one message that a caller sends.</param>
    public MethodTable Add(Action<ServiceBinderBase> bind, int maxMessageBytes)
    {
        ArgumentNullException.ThrowIfNull(bind);
        bind(new Binder(_methods, maxMessageBytes));
        return this;
    }

    internal RpcMethod? Find(ReadOnlySpan<byte> path) => _byBytes.TryGetValue(path, out var method) ? method : null;

    private sealed class Binder(Dictionary<string, RpcMethod> methods, int maxMessageBytes) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            Add(new UnaryMethod<TRequest, TResponse>(method, handler!, maxMessageBytes));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(new ServerStreamingMethod<TRequest, TResponse>(method, handler!, maxMessageBytes));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(new ClientStreamingMethod<TRequest, TResponse>(method, handler!, maxMessageBytes));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(new DuplexStreamingMethod<TRequest, TResponse>(method, handler!, maxMessageBytes));

        private void Add(RpcMethod method) => methods.Add(method.Path, method);
    }

    /// <summary>Finds a path by its bytes: it is looked up with every call.</summary>
    private sealed class Paths : IEqualityComparer<string>, IAlternateEqualityComparer<ReadOnlySpan<byte>, string>
    {
        public static readonly Paths Compared = new();

        public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

        public bool Equals(ReadOnlySpan<byte> alternate, string other) => Ascii.Equals(alternate, other);

        public int GetHashCode([DisallowNull] string obj)
        {
            Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(obj.Length)];
            return GetHashCode(bytes[..Encoding.UTF8.GetBytes(obj, bytes)]);
        }

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public string Create(ReadOnlySpan<byte> alternate) => Encoding.UTF8.GetString(alternate);
    }
}
