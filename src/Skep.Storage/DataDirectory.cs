using System.Security.Cryptography;
using Skep.Log;

namespace Skep.Storage;

/// <summary>Where things are in a data directory (skepd's --data-dir): swarm.json says what this host is, and which folder holds its log.</summary>
public static class DataDirectory
{
    /// <summary>Of the log of a cluster that was made or joined.</summary>
    public const string FirstLogFolder = "raft";

    private const string LaterLogFolders = "raft-";

    /// <summary>Certificate and keys.</summary>
    public static string CertificatesOf(string dataDirectory) => Path.Combine(dataDirectory, "certificates");

    public static string LogOf(string dataDirectory, SwarmFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Path.Combine(dataDirectory, file.LogFolder);
    }

    /// <summary>How a manager's log is to be opened.</summary>
    /// <exception cref="InvalidDataException">It is gone: the manager must not come back as the member it was.</exception>
    public static ReplicaStart StartOf(string dataDirectory, SwarmFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (Replica.Exists(new DiskFileSystem(), LogOf(dataDirectory, file)))
            return ReplicaStart.Existing;
        return file.Joining
            ? ReplicaStart.Join
            : throw new InvalidDataException($"{dataDirectory} has no raft log, which this manager must not lose: restore it, or remove the data directory, let another manager remove this node (docker node rm --force), and join again");
    }

    /// <summary>A folder for the log of a new group beside the one that is there.</summary>
    public static string NewLogFolder(ulong raftId) => $"{LaterLogFolders}{raftId:x16}";

    /// <summary>The logs of groups that this host has left behind, or that it began and did not finish.</summary>
    /// <param name="dataDirectory">skepd's.</param>
    /// <param name="file">Whose log is kept; null: none.</param>
    /// <exception cref="IOException">One could not be deleted.</exception>
    public static void DeleteLogsBut(string dataDirectory, SwarmFile? file)
    {
        foreach (var folder in System.IO.Directory.EnumerateDirectories(dataDirectory).Where(path => IsLog(Path.GetFileName(path)) && Path.GetFileName(path) != file?.LogFolder))
            System.IO.Directory.Delete(folder, recursive: true);
    }

    /// <summary>An id that no member of any group has had.</summary>
    public static ulong NewRaftId() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;

    // Only what skepd itself made: not the copy that somebody keeps beside it.
    private static bool IsLog(string folder) => folder == FirstLogFolder
        || (folder.StartsWith(LaterLogFolders, StringComparison.Ordinal) && folder.Length == LaterLogFolders.Length + 16 && folder[LaterLogFolders.Length..].All(char.IsAsciiHexDigitLower));
}
