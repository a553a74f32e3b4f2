namespace Skep.Log;

/// <summary>
/// A disk that is only read. What an opened log would repair (a torn end cut, its mark written, left-overs deleted) is left as it is, as if it
/// had been done: opening does not read again what it has repaired.
/// </summary>
internal sealed class ReadOnlyFileSystem(IFileSystem files) : IFileSystem
{
    public void CreateDirectory(string path)
    {
    }

    public IReadOnlyList<string> List(string directory) => files.List(directory);

    public bool Exists(string path) => files.Exists(path);

    public IFile Create(string path) => new Unwritten(path);

    public IFile Open(string path) => new ReadOnlyFile(files.Open(path));

    public void Rename(string from, string to)
    {
    }

    public void Delete(string path)
    {
    }

    public void SyncDirectory(string path)
    {
    }

    public IDisposable Lock(string path) => files.Lock(path);

    private sealed class ReadOnlyFile(IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
        }

        public void SetLength(long length)
        {
        }

        public void Sync()
        {
        }

        public void Dispose() => file.Dispose();
    }

    /// <summary>A file that would have been made.</summary>
    private sealed class Unwritten(string path) : IFile
    {
        public string Path => path;

        public long Length => 0;

        public int Read(long offset, Span<byte> buffer) => 0;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
        }

        public void SetLength(long length)
        {
        }

        public void Sync()
        {
        }

        public void Dispose()
        {
        }
    }
}
