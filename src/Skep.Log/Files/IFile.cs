namespace Skep.Log;

/// <summary>An open file. Not safe for use from several threads at once, except for reads.</summary>
public interface IFile : IDisposable
{
    string Path { get; }

    /// <summary>In bytes.</summary>
    long Length { get; }

    /// <summary>Fills the buffer from the offset on; returns less than its length only at the end of the file.</summary>
    int Read(long offset, Span<byte> buffer);

    void Write(long offset, ReadOnlySpan<byte> bytes);

    void SetLength(long length);

    /// <summary>
    /// Returns only when everything written so far would survive a power failure. After a failure nothing is known about what
    /// was written since the last success, not even after a later success: the caller must stop.
    /// </summary>
    void Sync();
}
