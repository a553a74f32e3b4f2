using System.Buffers;

namespace Skep.Log;

/// <summary>No encryption: bytes go to disk as they are.</summary>
public sealed class PlainRecordCipher : IRecordCipher
{
    public static readonly PlainRecordCipher Instance = new();

    public byte Scheme => 0;

    public ulong KeyId => 0;

    public void Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context, IBufferWriter<byte> output) => output.Write(plain);

    public ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> sealedBytes, ReadOnlySpan<byte> context) => sealedBytes;
}
