using System.Buffers.Binary;

namespace Skep.Rpc.Http2;

/// <summary>HTTP/2's frames (RFC 9113, section 4 and 6), as many as gRPC has a use for.</summary>
internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    ResetStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>The nine bytes before each frame's payload.</summary>
internal readonly record struct Frame(int Length, FrameType Type, byte Flags, int Stream)
{
    public const int HeaderBytes = 9;

    /// <summary>Of a payload: what every peer takes, and all that a peer may send that was not told otherwise.</summary>
    public const int MaxPayload = 16 * 1024;

    /// <summary>For what is read: a whole frame always fits, whatever is left of the one before.</summary>
    public const int ReadBufferBytes = 2 * (MaxPayload + HeaderBytes);

    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    public const byte EndHeaders = 0x4;
    public const byte Padded = 0x8;
    public const byte HasPriority = 0x20;

    public const int SettingBytes = 6;
    public const ushort SettingHeaderTableSize = 1;
    public const ushort SettingEnablePush = 2;
    public const ushort SettingMaxStreams = 3;
    public const ushort SettingInitialWindow = 4;
    public const ushort SettingMaxHeaders = 6;

    /// <summary>Of a connection, and of each stream unless the peer says otherwise.</summary>
    public const int DefaultWindow = 65535;

    private const int PriorityBytes = 5;

    /// <summary>What a client says first.</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static Frame Read(ReadOnlySpan<byte> header) =>
        new((header[0] << 16) | (header[1] << 8) | header[2], (FrameType)header[3], header[4], (int)(BinaryPrimitives.ReadUInt32BigEndian(header[5..]) & int.MaxValue));

    public void Write(Span<byte> header)
    {
        header[0] = (byte)(Length >> 16);
        header[1] = (byte)(Length >> 8);
        header[2] = (byte)Length;
        header[3] = (byte)Type;
        header[4] = Flags;
        BinaryPrimitives.WriteInt32BigEndian(header[5..], Stream);
    }

    /// <summary>Hands on the frames that are there as a whole.</summary>
    /// <param name="data">What has come and was not taken yet.</param>
    /// <param name="take">Takes a frame and its payload, which is only lent.</param>
    /// <returns>How many bytes were taken.</returns>
    /// <exception cref="InvalidDataException">A frame is longer than it may be.</exception>
    public static int TakeAll(ReadOnlyMemory<byte> data, Action<Frame, ReadOnlyMemory<byte>> take)
    {
        var used = 0;
        while (data.Length - used >= HeaderBytes)
        {
            var frame = Read(data.Span[used..]);
            if (frame.Length > MaxPayload)
                throw new InvalidDataException("a frame is too long");
            if (data.Length - used < HeaderBytes + frame.Length)
                break;
            take(frame, data.Slice(used + HeaderBytes, frame.Length));
            used += HeaderBytes + frame.Length;
        }
        return used;
    }

    /// <summary>One entry of a SETTINGS frame.</summary>
    public static void WriteSetting(Span<byte> to, ushort id, uint value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, id);
        BinaryPrimitives.WriteUInt32BigEndian(to[2..], value);
    }

    public bool Has(byte flag) => (Flags & flag) != 0;

    /// <summary>The payload without padding and priority.</summary>
    /// <exception cref="InvalidDataException">It is shorter than these.</exception>
    public ReadOnlyMemory<byte> Content(ReadOnlyMemory<byte> payload)
    {
        var before = (Has(Padded) ? 1 : 0) + (Type == FrameType.Headers && Has(HasPriority) ? PriorityBytes : 0);
        var after = Has(Padded) && payload.Length > 0 ? payload.Span[0] : 0;
        return payload.Length >= before + after ? payload[before..^after] : throw new InvalidDataException("a frame is shorter than its padding");
    }
}
