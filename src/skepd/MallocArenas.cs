using System.Runtime.InteropServices;

namespace Skep.Daemon;

/// <summary>Where memory lies that is not .NET's: mostly OpenSSL's, some 50 KB for each engine's connection.</summary>
internal static partial class MallocArenas
{
    /// <summary>M_ARENA_MAX of mallopt(3).</summary>
    private const int MaxArenas = -8;

    /// <summary>
    /// Has glibc put it into two arenas instead of up to eight a processor: what many threads take and give back lies scattered over all of them, and
    /// none can be given back whole. Where there is no glibc nothing changes.
    /// </summary>
    public static void Few()
    {
        try
        {
            _ = mallopt(MaxArenas, 2);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library, which has no arenas.
        }
    }

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
