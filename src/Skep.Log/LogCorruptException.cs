namespace Skep.Log;

/// <summary>
/// What is on disk is damaged and was acknowledged: going on could break a promise made to another manager or to a client.
/// The message is one line that names the file, the place, what is wrong and what to do.
/// </summary>
public sealed class LogCorruptException : IOException
{
    internal const string WhatToDo =
        "restore this manager's data directory from a backup, or remove it and join the cluster again as a new manager";

    public LogCorruptException(string file, long offset, string what)
        : base($"{file}: damaged at byte {offset}: {what}; {WhatToDo}")
    {
        File = file;
        Offset = offset;
    }

    public string File { get; }

    /// <summary>In bytes from the beginning of the file.</summary>
    public long Offset { get; }
}
