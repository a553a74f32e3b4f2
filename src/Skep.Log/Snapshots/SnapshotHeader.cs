using System.Buffers.Binary;
using System.IO.Hashing;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// The beginning of a snapshot file. Magic, version byte, header length and the trailing checksum are the same in every format version.
/// </summary>
/// <param name="FileId">Random, seeds the checksums of the blocks: blocks of two files cannot be mixed.</param>
/// <param name="Received">Came from another manager, so our log need not reach it; false: made here, so our log must.</param>
internal sealed record SnapshotHeader(SnapshotMetadata Metadata, ulong FileId, byte CipherScheme, ulong CipherKeyId, bool Received)
{
    public const byte CurrentVersion = 1;

    private const int FixedSize = 56; // what follows are 8 bytes for each member, then 8 of checksum
    private const int MaxSize = 1 << 20;
    private const byte ReceivedFlag = 1;

    private static ReadOnlySpan<byte> Magic => "SkepSNP\0"u8;

    public byte[] Encode()
    {
        var voters = Metadata.Membership.Voters;
        var learners = Metadata.Membership.Learners;
        var bytes = new byte[FixedSize + (8 * (voters.Count + learners.Count)) + 8];
        Magic.CopyTo(bytes);
        bytes[8] = CurrentVersion;
        bytes[9] = CipherScheme;
        bytes[10] = Received ? ReceivedFlag : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), CipherKeyId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), FileId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Metadata.Index);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), Metadata.Term);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(48), voters.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(52), learners.Count);
        var at = FixedSize;
        foreach (var id in voters.Concat(learners))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), id);
            at += 8;
        }
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), XxHash3.HashToUInt64(bytes.AsSpan(0, at)));
        return bytes;
    }

    /// <summary>Reads the header at the beginning of a file.</summary>
    /// <exception cref="LogCorruptException">Damaged.</exception>
    /// <exception cref="LogVersionException">Sound, but of another format version.</exception>
    public static (SnapshotHeader Header, int Length) Read(IFile file)
    {
        Span<byte> fixedPart = stackalloc byte[FixedSize];
        var length = file.Read(0, fixedPart) < FixedSize || !fixedPart.StartsWith(Magic) ? 0 : BinaryPrimitives.ReadInt32LittleEndian(fixedPart[12..]);
        if (length is < FixedSize + 8 or > MaxSize)
            throw Damaged(file);
        var bytes = new byte[length];
        if (file.Read(0, bytes) < length
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(length - 8)) != XxHash3.HashToUInt64(bytes.AsSpan(0, length - 8)))
        {
            throw Damaged(file);
        }
        if (bytes[8] != CurrentVersion)
            throw new LogVersionException($"{file.Path} is of snapshot format {bytes[8]}, this skepd knows {CurrentVersion}; upgrade skepd on this host");
        var voters = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(48));
        var learners = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(52));
        if (voters < 0 || learners < 0 || FixedSize + (8L * ((long)voters + learners)) + 8 != length)
            throw Damaged(file);
        var ids = Enumerable.Range(0, voters + learners).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(FixedSize + (8 * i)))).ToList();
        var metadata = new SnapshotMetadata(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32)),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40)),
            new Membership(ids.Take(voters), ids.Skip(voters)));
        var header = new SnapshotHeader(
            metadata,
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)),
            bytes[9],
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)),
            (bytes[10] & ReceivedFlag) != 0);
        return (header, length);
    }

    private static LogCorruptException Damaged(IFile file) => new(file.Path, 0, "the snapshot header does not match its checksum");
}
