using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace Skep.Rpc.Server;

/// <summary>A message on its way out: with gRPC's prefix, in a rented buffer.</summary>
internal sealed class MessageBuffer : SerializationContext, IBufferWriter<byte>
{
    private const int SmallMessage = 256;

    private byte[]? _buffer;
    private int _end = MessageReader.PrefixBytes;
    private int _sent;

    public static MessageBuffer Of<T>(T message, Marshaller<T> marshaller)
    {
        var buffer = new MessageBuffer();
        marshaller.ContextualSerializer(message, buffer);
        buffer.Reserve(0);
        buffer._buffer[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(buffer._buffer.AsSpan(1), buffer._end - MessageReader.PrefixBytes);
        return buffer;
    }

    /// <summary>What was not sent yet.</summary>
    public ReadOnlySpan<byte> Rest => _buffer.AsSpan(_sent, _end - _sent);

    public void Sent(int bytes) => _sent += bytes;

    /// <summary>Nobody needs it any more.</summary>
    public void Return()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _end, _sent) = (null, 0, 0);
    }

    public override void SetPayloadLength(int payloadLength) => Reserve(payloadLength);

    public override IBufferWriter<byte> GetBufferWriter() => this;

    public override void Complete()
    {
        // The bytes are here already.
    }

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        this.Write(payload);
    }

    public void Advance(int count) => _end += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_buffer))]
    private void Reserve(int more)
    {
        if (_buffer is not null && _buffer.Length - _end >= more)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_end + more, _buffer is null ? SmallMessage : 2 * _buffer.Length));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }
        _buffer = larger;
    }
}
