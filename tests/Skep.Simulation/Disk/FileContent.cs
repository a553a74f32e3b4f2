namespace Skep.Simulation.Disk;

/// <summary>The bytes of a file, in a buffer that grows.</summary>
internal sealed class FileContent
{
    private byte[] _bytes = [];

    public int Length { get; private set; }

    public void Put(long offset, ReadOnlySpan<byte> bytes)
    {
        var end = (int)offset + bytes.Length;
        if (end > Length)
            SetLength(end);
        bytes.CopyTo(_bytes.AsSpan((int)offset));
    }

    /// <summary>What is added is zero.</summary>
    public void SetLength(long length)
    {
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max((int)length, 2 * _bytes.Length));
        if (length < Length)
            Array.Clear(_bytes, (int)length, Length - (int)length);
        Length = (int)length;
    }

    public void CopyTo(long offset, Span<byte> buffer) => _bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);

    public byte[] ToArray() => _bytes[..Length];
}
