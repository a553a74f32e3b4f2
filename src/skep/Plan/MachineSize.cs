using System.Numerics;

namespace Skep.Cli.Plan;

/// <summary>A machine for a manager, in the sizes that machines come in: powers of two.</summary>
internal readonly record struct MachineSize(int Cores, int MemoryGiB, int DiskGiB)
{
    /// <summary>One for the loop, which is one thread, and one for all else: heartbeats never wait for a decision.</summary>
    private const int LeastCores = 2;

    private const double GiB = 1L << 30;

    /// <param name="cores">Needed, uncertainty included.</param>
    /// <param name="memoryBytes">Needed by skepd; what the system and the engine beside it take is added.</param>
    public static MachineSize For(double cores, double memoryBytes, double diskBytes) =>
        new(Math.Max(LeastCores, PowerOfTwo(cores)), PowerOfTwo((memoryBytes / GiB) + SystemGiB), PowerOfTwo(diskBytes / GiB));

    /// <summary>A Debian host with an idle engine.</summary>
    private const double SystemGiB = 0.5;

    private static int PowerOfTwo(double atLeast) => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Ceiling(Math.Clamp(atLeast, 1, 1 << 30)));
}
