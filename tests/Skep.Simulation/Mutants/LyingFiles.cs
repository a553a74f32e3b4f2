using Skep.Log;

namespace Skep.Simulation.Mutants;

/// <summary>A disk whose files say that they are synced and are not.</summary>
internal sealed class LyingFiles(IFileSystem files) : IFileSystem
{
    public void CreateDirectory(string path) => files.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => files.List(directory);

    public bool Exists(string path) => files.Exists(path);

    public IFile Create(string path) => new LyingFile(files.Create(path));

    public IFile Open(string path) => new LyingFile(files.Open(path));

    public void Rename(string from, string to) => files.Rename(from, to);

    public void Delete(string path) => files.Delete(path);

    public void SyncDirectory(string path) => files.SyncDirectory(path);

    public IDisposable Lock(string path) => files.Lock(path);

    private sealed class LyingFile(IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, bytes);

        public void SetLength(long length) => file.SetLength(length);

        public void Sync()
        {
            // The lie.
        }

        public void Dispose() => file.Dispose();
    }
}
