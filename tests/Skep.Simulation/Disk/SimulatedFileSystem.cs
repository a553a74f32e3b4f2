using Skep.Log;

namespace Skep.Simulation.Disk;

/// <summary>The process was killed at this operation, or was killed earlier.</summary>
public sealed class SimulatedCrashException : Exception
{
    public SimulatedCrashException() : base("simulated crash")
    {
    }
}

/// <summary>What is left on disk after a crash.</summary>
public enum CrashKind
{
    /// <summary>The process was killed: the kernel has everything it was given, but still only in memory.</summary>
    ProcessKilled,

    /// <summary>Power failed, and nothing that was not synced had reached the disk.</summary>
    UnsyncedLost,

    /// <summary>Power failed, and of what was not synced some sectors had reached the disk, in any order.</summary>
    UnsyncedTorn,
}

/// <summary>
/// A disk in memory that knows what is synced. Names of files become durable by syncing their directory, in order; contents by syncing
/// the file, before that in sectors of any choice.
/// </summary>
public sealed class SimulatedFileSystem : IFileSystem
{
    private const int SectorBytes = 512;

    private readonly Lock _lock = new();
    private readonly List<(string Directory, Action<Dictionary<string, Inode>> Apply)> _unsyncedNames = [];
    private readonly HashSet<string> _directories = [];
    private Dictionary<string, Inode> _names = [];
    private readonly Dictionary<string, Inode> _durableNames = [];
    private bool _crashed;
    private int _generation;

    /// <summary>Operations that change the disk, so far.</summary>
    public int Operations { get; private set; }

    /// <summary>The operation with this number, counted from 1, is interrupted.</summary>
    public int? CrashAt { get; set; }

    /// <summary>Decides where an interrupted write ends and what survives a power failure.</summary>
    public Random Random { get; set; } = new(1);

    public long FreeBytes { get; set; } = long.MaxValue;

    /// <summary>Whether syncing this path fails. As on Linux, what was written before is dropped, and a later sync succeeds.</summary>
    public Func<string, bool> SyncFails { get; set; } = _ => false;

    /// <summary>Syncs of files, by extension.</summary>
    public Dictionary<string, int> Syncs { get; } = [];

    public IReadOnlyList<string> Paths
    {
        get
        {
            lock (_lock)
                return [.. _names.Keys.Order()];
        }
    }

    public int SyncsOf(string extension)
    {
        lock (_lock)
            return Syncs.GetValueOrDefault(extension);
    }

    /// <summary>Brings up the machine again, after a crash at <see cref="CrashAt"/> or now.</summary>
    public void Restart(CrashKind kind)
    {
        lock (_lock)
        {
            _generation++;
            _crashed = false;
            CrashAt = null;
            if (kind == CrashKind.ProcessKilled)
                return;
            var survive = kind == CrashKind.UnsyncedTorn ? Random.Next(_unsyncedNames.Count + 1) : 0;
            foreach (var (_, apply) in _unsyncedNames.Take(survive))
                apply(_durableNames);
            _unsyncedNames.Clear();
            _names = new(_durableNames);
            foreach (var inode in _names.Values)
                inode.PowerFailed(kind, Random);
        }
    }

    public long LengthOf(string path)
    {
        lock (_lock)
            return _names[path].Current.Length;
    }

    public byte[] Content(string path)
    {
        lock (_lock)
            return _names[path].Current.ToArray();
    }

    public void Replace(string path, byte[] content)
    {
        lock (_lock)
            _durableNames[path] = _names[path] = Inode.Of(content);
    }

    public void FlipBit(string path, long offset, int bit)
    {
        var content = Content(path);
        content[offset] ^= (byte)(1 << bit);
        Replace(path, content);
    }

    /// <summary>A disk with the same durable and current content, to try something on.</summary>
    public SimulatedFileSystem Copy()
    {
        var copy = new SimulatedFileSystem();
        lock (_lock)
        {
            copy._directories.UnionWith(_directories);
            foreach (var (path, inode) in _names)
                copy.Replace(path, inode.Current.ToArray());
        }
        return copy;
    }

    public void CreateDirectory(string path)
    {
        lock (_lock)
            _directories.Add(path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock)
            return [.. _names.Keys.Where(p => Path.GetDirectoryName(p) == directory).Select(p => Path.GetFileName(p))];
    }

    public bool Exists(string path)
    {
        lock (_lock)
            return _names.ContainsKey(path);
    }

    public IFile Create(string path)
    {
        lock (_lock)
        {
            RequireDirectory(Path.GetDirectoryName(path)!);
            Operation();
            if (_names.ContainsKey(path))
                throw new IOException($"{path} exists");
            var inode = new Inode();
            Rename(path, names => names[path] = inode);
            return new SimulatedFile(this, path, inode, _generation);
        }
    }

    public IFile Open(string path)
    {
        lock (_lock)
        {
            return _names.TryGetValue(path, out var inode)
                ? new SimulatedFile(this, path, inode, _generation)
                : throw new FileNotFoundException($"{path} is not there", path);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Operation();
            var inode = _names[from];
            Rename(from, names =>
            {
                names.Remove(from);
                names[to] = inode;
            });
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            RequireDirectory(Path.GetDirectoryName(path)!);
            if (!_names.ContainsKey(path))
                return;
            Operation();
            Rename(path, names => names.Remove(path));
        }
    }

    public void SyncDirectory(string path)
    {
        lock (_lock)
        {
            RequireDirectory(path);
            Operation();
            foreach (var (_, apply) in _unsyncedNames.Where(n => n.Directory == path))
                apply(_durableNames);
            _unsyncedNames.RemoveAll(n => n.Directory == path);
        }
    }

    public IDisposable Lock(string path) => new MemoryStream();

    private void RequireDirectory(string path)
    {
        if (!_directories.Contains(path))
            throw new DirectoryNotFoundException($"{path} is not there");
    }

    private void Rename(string path, Action<Dictionary<string, Inode>> apply)
    {
        apply(_names);
        _unsyncedNames.Add((Path.GetDirectoryName(path)!, apply));
    }

    // True if this very operation is interrupted.
    private bool Interrupted()
    {
        if (_crashed)
            throw new SimulatedCrashException();
        Operations++;
        return _crashed = Operations == CrashAt;
    }

    private void Operation()
    {
        if (Interrupted())
            throw new SimulatedCrashException();
    }

    private sealed class Inode
    {
        private readonly FileContent _durable = new();
        private readonly List<(long Offset, byte[] Bytes)> _unsynced = [];

        public FileContent Current { get; private set; } = new();

        /// <summary>A file that holds these bytes durably.</summary>
        public static Inode Of(byte[] content)
        {
            var inode = new Inode();
            inode.Write(0, content);
            inode.Sync();
            return inode;
        }

        public void Write(long offset, byte[] bytes)
        {
            Current.Put(offset, bytes);
            _unsynced.Add((offset, bytes));
        }

        public void Sync()
        {
            foreach (var (offset, bytes) in _unsynced)
                _durable.Put(offset, bytes);
            _unsynced.Clear();
        }

        /// <summary>A sync failed: what was written since the last one reads well but never reaches the disk, unless it is written again.</summary>
        public void DropUnsynced()
        {
            _unsynced.Clear();
        }

        // Simple and pessimistic: a shortening is durable at once, but that of what was never synced is all the log does.
        public void SetLength(long length)
        {
            Current.SetLength(length);
            _durable.SetLength(Math.Min(length, _durable.Length));
            _unsynced.Clear();
            _unsynced.Add((0, Current.ToArray()));
        }

        public void PowerFailed(CrashKind kind, Random random)
        {
            if (kind == CrashKind.UnsyncedTorn)
            {
                foreach (var (offset, bytes) in _unsynced)
                {
                    for (var at = 0L; at < bytes.Length;)
                    {
                        var end = Math.Min(bytes.Length, ((offset + at) / SectorBytes * SectorBytes) + SectorBytes - offset);
                        if (random.Next(2) == 0)
                            _durable.Put(offset + at, bytes.AsSpan((int)at..(int)end));
                        at = end;
                    }
                }
            }
            _unsynced.Clear();
            Current = new FileContent();
            Current.Put(0, _durable.ToArray());
        }
    }

    private sealed class SimulatedFile(SimulatedFileSystem disk, string path, Inode inode, int generation) : IFile
    {
        public string Path => path;

        public long Length
        {
            get
            {
                lock (disk._lock)
                    return inode.Current.Length;
            }
        }

        public int Read(long offset, Span<byte> buffer)
        {
            lock (disk._lock)
            {
                var count = (int)Math.Clamp(inode.Current.Length - offset, 0, buffer.Length);
                if (count > 0)
                    inode.Current.CopyTo(offset, buffer[..count]);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (disk._lock)
            {
                if (Interrupted())
                {
                    inode.Write(offset, bytes[..disk.Random.Next(bytes.Length + 1)].ToArray());
                    throw new SimulatedCrashException();
                }
                var growth = Math.Max(0, offset + bytes.Length - inode.Current.Length);
                var fits = growth <= disk.FreeBytes;
                if (!fits)
                    bytes = bytes[..(int)(bytes.Length - growth + disk.FreeBytes)];
                disk.FreeBytes -= fits ? growth : disk.FreeBytes;
                inode.Write(offset, bytes.ToArray());
                if (!fits)
                    throw new IOException($"No space left on device : '{path}'");
            }
        }

        public void SetLength(long length)
        {
            lock (disk._lock)
            {
                if (Interrupted())
                    throw new SimulatedCrashException();
                inode.SetLength(length);
            }
        }

        public void Sync()
        {
            lock (disk._lock)
            {
                if (Interrupted())
                    throw new SimulatedCrashException();
                if (disk.SyncFails(path))
                {
                    inode.DropUnsynced();
                    throw new IOException($"Input/output error : '{path}'");
                }
                var extension = System.IO.Path.GetExtension(path);
                disk.Syncs[extension] = disk.Syncs.GetValueOrDefault(extension) + 1;
                inode.Sync();
            }
        }

        public void Dispose()
        {
        }

        private bool Interrupted() => generation == disk._generation ? disk.Interrupted() : throw new SimulatedCrashException();
    }
}
