using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace Skep.Rpc;

/// <summary>Finds gRPC's messages in bytes that come in pieces of any size. Copies only what a piece leaves unfinished.</summary>
internal abstract class MessageReader
{
    /// <summary>gRPC's prefix of each message: whether it is compressed, and its length.</summary>
    public const int PrefixBytes = 5;

    private byte[]? _part;
    private int _partLength;

    /// <summary>The largest message.</summary>
    protected abstract int MaxMessageBytes { get; }

    /// <summary>Whether a message has begun that is not there as a whole.</summary>
    protected bool IsWithinMessage => _partLength > 0;

    /// <summary>The next bytes. Not kept.</summary>
    /// <exception cref="RpcException">They are no messages of gRPC (Unimplemented), or one is too large (ResourceExhausted).</exception>
    public void Take(ReadOnlyMemory<byte> data)
    {
        while (data.Length > 0)
        {
            if (_partLength == 0 && Whole(data.Span) is var whole and > 0 && whole <= data.Length)
            {
                Message(data[PrefixBytes..whole]);
                data = data[whole..];
                continue;
            }
            data = data[Keep(data.Span)..];
            if (_partLength >= PrefixBytes && Whole(_part) == _partLength)
            {
                Message(_part.AsMemory(PrefixBytes, _partLength - PrefixBytes));
                Forget();
            }
        }
    }

    /// <summary>Gives back what is held of a message that will not be finished.</summary>
    public void Forget()
    {
        if (_part is not null)
            ArrayPool<byte>.Shared.Return(_part);
        (_part, _partLength) = (null, 0);
    }

    /// <summary>A message, without its prefix. The memory is only lent.</summary>
    protected abstract void Message(ReadOnlyMemory<byte> message);

    /// <summary>The length of the message that begins here, with its prefix; 0 when not even that is there.</summary>
    private int Whole(ReadOnlySpan<byte> data)
    {
        if (data.Length < PrefixBytes)
            return 0;
        if (data[0] != 0)
            throw new RpcException(new Status(StatusCode.Unimplemented, "compressed messages are not supported"));
        var length = BinaryPrimitives.ReadUInt32BigEndian(data[1..]);
        if (length > MaxMessageBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"received message larger than max ({length} vs. {MaxMessageBytes})"));
        return PrefixBytes + (int)length;
    }

    /// <summary>Keeps as much as belongs to the message that has begun.</summary>
    private int Keep(ReadOnlySpan<byte> data)
    {
        var wanted = _partLength < PrefixBytes ? PrefixBytes : Whole(_part);
        var taken = Math.Min(wanted - _partLength, data.Length);
        if (_part is null || _part.Length < _partLength + taken)
        {
            // Grows with what comes: a prefix alone must not take megabytes.
            var larger = ArrayPool<byte>.Shared.Rent(Math.Min(wanted, Math.Max(_partLength + taken, 2 * _partLength)));
            _part.AsSpan(0, _partLength).CopyTo(larger);
            if (_part is not null)
                ArrayPool<byte>.Shared.Return(_part);
            _part = larger;
        }
        data[..taken].CopyTo(_part.AsSpan(_partLength));
        _partLength += taken;
        return taken;
    }
}
