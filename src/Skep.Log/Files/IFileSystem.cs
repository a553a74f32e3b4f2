namespace Skep.Log;

/// <summary>
/// The few operations that the log needs of a disk. A seam, so that a test can lose what was not synced, tear a write, fill the
/// disk, fail a sync or flip a bit. Paths are absolute or relative to the process; every failure is an <see cref="IOException"/>
/// or <see cref="UnauthorizedAccessException"/>.
/// </summary>
public interface IFileSystem
{
    /// <summary>Makes the directory and those above it that are missing, mode 0700, durably. No error if it is there.</summary>
    void CreateDirectory(string path);

    /// <summary>The names (not paths) of the files in a directory, in no given order; empty if there is no such directory.</summary>
    IReadOnlyList<string> List(string directory);

    bool Exists(string path);

    /// <summary>Makes a new, empty file, mode 0600. It is an error if the file is there.</summary>
    IFile Create(string path);

    /// <summary>Opens a file that is there, for reading and writing.</summary>
    IFile Open(string path);

    /// <summary>Gives a file another name in one step, replacing a file that has it.</summary>
    void Rename(string from, string to);

    /// <summary>Deletes a file. No error if it is not there.</summary>
    void Delete(string path);

    /// <summary>
    /// Makes the names in a directory (files created, renamed, deleted) survive a power failure. A file's own sync does not.
    /// </summary>
    void SyncDirectory(string path);

    /// <summary>
    /// Takes the file for this process alone until the result is disposed or the process ends.
    /// </summary>
    /// <exception cref="IOException">Another process has it.</exception>
    IDisposable Lock(string path);
}
