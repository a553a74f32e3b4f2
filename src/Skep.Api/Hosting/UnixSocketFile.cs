using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Skep.Api.Hosting;

/// <summary>
/// The file of a listening unix socket. Whoever may write to it rules the host, so it is made inaccessible to others before
/// anyone can connect: mode 0660 and group "docker" where that group exists, 0600 where not.
/// </summary>
internal static partial class UnixSocketFile
{
    private const string Group = "docker";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerAndGroup = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>A socket bound to <paramref name="path"/>, not listening yet. A file left by a process that died is replaced.</summary>
    /// <exception cref="ListenException">Someone answers there, it is no socket, or the folder cannot be written.</exception>
    public static Socket Bind(string path)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            RemoveStale(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            // Nobody can connect before it listens, so there is no moment with looser rights.
            File.SetUnixFileMode(path, OwnerOnly);
            if (FindGroup(Group) is { } gid && ChangeOwner(path, uint.MaxValue, gid) == 0) File.SetUnixFileMode(path, OwnerAndGroup);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new ListenException($"cannot listen on unix://{path}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Removes the file at the end. A file that is gone already is fine.</summary>
    public static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left behind, it is stale and will be replaced.
        }
    }

    private static void RemoveStale(string path)
    {
        if (!File.Exists(path)) return; // true for sockets too
        if (!IsSocket(path)) throw new ListenException($"cannot listen on unix://{path}: there is a file that is no socket, remove it or choose another path");
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        throw new ListenException($"cannot listen on unix://{path}: another process serves this socket, stop it or choose another path with -H");
    }

    // .NET has no question for it but this: opening a socket as a file fails (ENXIO).
    private static bool IsSocket(string path)
    {
        try
        {
            using var _ = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static uint? FindGroup(string name)
    {
        if (!File.Exists("/etc/group")) return null;
        foreach (var line in File.ReadLines("/etc/group"))
        {
            var fields = line.Split(':');
            if (fields.Length >= 3 && fields[0] == name && uint.TryParse(fields[2], out var gid)) return gid;
        }
        return null;
    }

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeOwner(string path, uint owner, uint group);
}

/// <summary>An address cannot be served. The message is one line for the operator.</summary>
public sealed class ListenException : Exception
{
    public ListenException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
