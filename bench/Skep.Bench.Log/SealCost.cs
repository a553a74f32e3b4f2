using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using Skep.Log;

namespace Skep.Bench.Log;

/// <summary>The encryption alone, best of many rounds: what it adds to a write whatever else the machine does.</summary>
internal static class SealCost
{
    private const int Rounds = 2000;

    public static void Print()
    {
        var cipher = new AesGcmRecordCipher(RandomNumberGenerator.GetBytes(AesGcmRecordCipher.KeyBytes));
        foreach (var bytes in (int[])[160, 64 << 10, 1 << 20])
        {
            var plain = RandomNumberGenerator.GetBytes(bytes);
            var output = new ArrayBufferWriter<byte>(bytes + 100);
            var (seal, open) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
            for (var i = 0; i < Rounds; i++)
            {
                output.ResetWrittenCount();
                var started = Stopwatch.GetTimestamp();
                cipher.Seal(plain, plain.AsSpan(0, 24), output);
                var between = Stopwatch.GetTimestamp();
                cipher.Open(output.WrittenMemory, plain.AsSpan(0, 24));
                (seal, open) = (Min(seal, Stopwatch.GetElapsedTime(started, between)), Min(open, Stopwatch.GetElapsedTime(between)));
            }
            Console.WriteLine($"{bytes} bytes: sealed in {seal.TotalMicroseconds:F1} us, opened in {open.TotalMicroseconds:F1} us, {bytes / seal.TotalSeconds / (1 << 20):F0} MiB/s");
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
