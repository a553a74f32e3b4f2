using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Skep.Manager;

/// <summary>Ids and random numbers of the rules, from one 32-byte seed: the same seed gives the same ids.</summary>
public sealed class IdSource
{
    private readonly byte[] _input = new byte[40];
    private ulong _counter;

    /// <param name="seed">32 bytes, from a cryptographic source in production.</param>
    public IdSource(ReadOnlySpan<byte> seed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, 32);
        seed.CopyTo(_input);
        Random = new Random(BinaryPrimitives.ReadInt32LittleEndian(Block()));
    }

    /// <summary>For jitter and tie-breaks; not for ids or secrets.</summary>
    public Random Random { get; }

    /// <summary>A new id; 129 bits of randomness, so that no check for duplicates is needed.</summary>
    public string NextId() => Wire.SwarmId.FromRandom(Block());

    /// <summary>Up to 32 random bytes (encryption keys of the gossip).</summary>
    public byte[] NextBytes(int count) => Block()[..count];

    private byte[] Block()
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_input.AsSpan(32), _counter++);
        return SHA256.HashData(_input);
    }
}
