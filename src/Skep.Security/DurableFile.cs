using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Skep.Security;

/// <summary>Small files that only their owner may read (0600), replaced as a whole: after a crash there is the old content or the new.</summary>
public static class DurableFile
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Returns when a power failure would not bring the old content back. Makes the directory (0700) when it is missing.</summary>
    /// <exception cref="IOException">Not stored; the old content is still there.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var directory = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(directory, OwnerFile | UnixFileMode.UserExecute);
        var temporary = path + ".tmp";
        // A left-over of a crash might have another mode.
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerFile, BufferSize = 0 }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        SyncDirectory(directory);
    }

    // .NET opens no directories, so this goes to the C library itself.
    private static void SyncDirectory(string path)
    {
        var descriptor = NativeMethods.Open(path, NativeMethods.ReadOnlyCloseOnExec);
        var isSynced = descriptor >= 0 && NativeMethods.Fsync(descriptor) == 0;
        var error = Marshal.GetLastPInvokeError();
        if (descriptor >= 0)
            _ = NativeMethods.Close(descriptor);
        if (!isSynced)
            throw new IOException($"fsync {path}: {new Win32Exception(error).Message}", error);
    }

    private static class NativeMethods
    {
        public const int ReadOnlyCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC

        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        public static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static extern int Fsync(int descriptor);

        [DllImport("libc", EntryPoint = "close")]
        public static extern int Close(int descriptor);
    }
}
