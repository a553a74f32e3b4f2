using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Skep.Log;

/// <summary>The real disk (Linux). Files are made with mode 0600, directories with 0700.</summary>
public sealed class DiskFileSystem : IFileSystem
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerDirectory = OwnerFile | UnixFileMode.UserExecute;

    public void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        var parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        CreateDirectory(parent);
        Directory.CreateDirectory(path, OwnerDirectory);
        SyncDirectory(parent);
    }

    public IReadOnlyList<string> List(string directory) =>
        Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Select(f => Path.GetFileName(f))] : [];

    public bool Exists(string path) => File.Exists(path);

    public IFile Create(string path) => new DiskFile(path, FileMode.CreateNew, OwnerFile);

    public IFile Open(string path) => new DiskFile(path, FileMode.Open, null);

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void Delete(string path) => File.Delete(path);

    public void SyncDirectory(string path)
    {
        // .NET opens no directories, so this goes to the C library itself.
        var descriptor = NativeMethods.Open(path, NativeMethods.ReadOnlyDirectoryCloseOnExec);
        if (descriptor < 0)
            throw Error("open", path);
        try
        {
            if (NativeMethods.Fsync(descriptor) != 0)
                throw Error("fsync", path);
        }
        finally
        {
            _ = NativeMethods.Close(descriptor);
        }
    }

    public IDisposable Lock(string path) => new FileStream(path, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.None, // flock(LOCK_EX): ends with the process, however it ends
        UnixCreateMode = OwnerFile,
    });

    private static IOException Error(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} {path}: {new Win32Exception(error).Message}", error);
    }

    private static class NativeMethods
    {
        public const int ReadOnlyDirectoryCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC

        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        public static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static extern int Fsync(int descriptor);

        [DllImport("libc", EntryPoint = "close")]
        public static extern int Close(int descriptor);
    }
}
