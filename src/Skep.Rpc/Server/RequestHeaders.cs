using System.Text;
using Skep.Rpc.Hpack;

namespace Skep.Rpc.Server;

/// <summary>What of a request's headers the server has a use for. Deadlines are the caller's affair: it resets the stream when it gives up.</summary>
/// <param name="methods">What can be called.</param>
internal sealed class RequestHeaders(MethodTable methods) : IHeaderSink
{
    /// <summary>Of a block, in bytes: many times what gRPC's clients send.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>Null: there is no such method.</summary>
    public RpcMethod? Method { get; private set; }

    /// <summary>Whether it is a call of gRPC at all.</summary>
    public bool IsGrpc { get; private set; }

    /// <summary>The path of a method that there is not.</summary>
    public string UnknownPath { get; private set; } = "";

    public void Clear() => (Method, IsGrpc, UnknownPath) = (null, false, "");

    public void Header(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual(":path"u8))
        {
            Method = methods.Find(value);
            if (Method is null)
                UnknownPath = Encoding.ASCII.GetString(value.Length > 256 ? value[..256] : value);
        }
        else if (name.SequenceEqual("content-type"u8))
        {
            IsGrpc = value.StartsWith("application/grpc"u8);
        }
    }
}
