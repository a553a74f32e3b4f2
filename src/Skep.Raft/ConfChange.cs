using System.Buffers.Binary;

namespace Skep.Raft;

/// <summary>What happens to one member.</summary>
public enum ConfChangeKind : byte
{
    /// <summary>Becomes a voter, new or promoted from learner.</summary>
    AddVoter = 1,

    /// <summary>Becomes a learner, new or demoted from voter.</summary>
    AddLearner = 2,

    /// <summary>Leaves the group.</summary>
    Remove = 3,
}

/// <summary>
/// One change of one member. Any two majorities before and after a single change overlap, which is why the core
/// lets only one be under way at a time and needs no joint consensus (Raft thesis, 4.1).
/// </summary>
/// <param name="Kind">What happens.</param>
/// <param name="NodeId">To whom; not zero.</param>
/// <param name="Context">The application's own bytes that travel along, such as the member's address; the core does not read them.</param>
public readonly record struct ConfChange(ConfChangeKind Kind, ulong NodeId, ReadOnlyMemory<byte> Context = default)
{
    private const int HeaderSize = 1 + sizeof(ulong);

    /// <summary>The bytes of an <see cref="EntryKind.ConfChange"/> entry: kind (1 byte), id (8, little endian), context.</summary>
    public byte[] Encode()
    {
        var data = new byte[HeaderSize + Context.Length];
        data[0] = (byte)Kind;
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(1), NodeId);
        Context.Span.CopyTo(data.AsSpan(HeaderSize));
        return data;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote.</summary>
    /// <exception cref="FormatException">The bytes are no change.</exception>
    public static ConfChange Decode(ReadOnlyMemory<byte> data)
    {
        if (data.Length < HeaderSize)
            throw new FormatException($"conf change of {data.Length} bytes is shorter than {HeaderSize}");
        var change = new ConfChange((ConfChangeKind)data.Span[0], BinaryPrimitives.ReadUInt64LittleEndian(data.Span[1..]), data[HeaderSize..]);
        if (!change.IsValid)
            throw new FormatException($"conf change of kind {data.Span[0]} for member {change.NodeId} is unknown");
        return change;
    }

    internal bool IsValid => Kind is ConfChangeKind.AddVoter or ConfChangeKind.AddLearner or ConfChangeKind.Remove
        && NodeId != Raft.NodeId.None;

    public bool Equals(ConfChange other) =>
        Kind == other.Kind && NodeId == other.NodeId && Context.Span.SequenceEqual(other.Context.Span);

    public override int GetHashCode() => HashCode.Combine(Kind, NodeId, Context.Length);
}
