using System.Buffers;

namespace Skep.Log;

/// <summary>
/// Stands between the bytes of the log and snapshots and the disk. Each segment and snapshot file names the scheme and the
/// key it was written with, so files of an old key stay readable while that key is given.
/// </summary>
public interface IRecordCipher
{
    /// <summary>Which way of sealing; 0 is <see cref="PlainRecordCipher"/>.</summary>
    byte Scheme { get; }

    /// <summary>Which key of that scheme, 0 if it has none. Not secret.</summary>
    ulong KeyId { get; }

    /// <summary>Writes the sealed form of <paramref name="plain"/>.</summary>
    /// <param name="context">Where the bytes will stand (file identity and position); what is sealed for one place must not open in another.</param>
    void Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context, IBufferWriter<byte> output);

    /// <summary>The inverse of <see cref="Seal"/>.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Not sealed with this key for this place.</exception>
    ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> sealedBytes, ReadOnlySpan<byte> context);
}
