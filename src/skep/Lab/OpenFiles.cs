using System.Runtime.InteropServices;

namespace Skep.Cli.Lab;

/// <summary>The limit on open files: each agent holds a connection, and common limits are far below thousands.</summary>
internal static partial class OpenFiles
{
    /// <summary>RLIMIT_NOFILE on Linux.</summary>
    private const int OpenFilesResource = 7;

    /// <summary>Raises the limit to at least this, if it can.</summary>
    /// <exception cref="CliException">It cannot; says what to do.</exception>
    public static void Allow(int files)
    {
        var needed = (nuint)files;
        if (getrlimit(OpenFilesResource, out var limit) != 0 || limit.Soft >= needed)
            return;
        // Above the hard limit only root may go.
        var raised = new Limit { Soft = needed, Hard = limit.Hard > needed ? limit.Hard : needed };
        if (setrlimit(OpenFilesResource, raised) != 0)
            throw new CliException($"{files} open files are needed and {limit.Hard} allowed; run as root, or raise the limit first: ulimit -n {files}");
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, out Limit limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, in Limit limit);

    private struct Limit
    {
        public nuint Soft;
        public nuint Hard;
    }
}
