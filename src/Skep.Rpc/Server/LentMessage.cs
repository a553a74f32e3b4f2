using System.Buffers;
using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>A message that has come in, for the time in which it is parsed.</summary>
internal sealed class LentMessage : DeserializationContext
{
    private ReadOnlyMemory<byte> _message;

    public override int PayloadLength => _message.Length;

    public T Parse<T>(Marshaller<T> marshaller, ReadOnlyMemory<byte> message)
    {
        _message = message;
        try
        {
            return marshaller.ContextualDeserializer(this);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"the request cannot be read: {e.Message}", e));
        }
        finally
        {
            _message = default;
        }
    }

    public override byte[] PayloadAsNewBuffer() => _message.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(_message);
}
