using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Log;

namespace Skep.Bench.Log;

/// <summary>
/// Kills a real process that writes a real log (SIGKILL), again and again, and sees that what it had said to be committed is there.
/// A child writes numbers and prints each one once it is acknowledged; the parent kills it at some moment.
/// </summary>
internal static class KillCheck
{
    public static async Task<int> RunAsync(string directory, int rounds)
    {
        var random = new Random(1);
        var acknowledged = -1L;
        for (var round = 0; round < rounds; round++)
        {
            using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. Self(), "kill-child", directory])
            {
                RedirectStandardOutput = true,
            })!;
            var reading = Task.Run(async () =>
            {
                while (await child.StandardOutput.ReadLineAsync() is { } line)
                    acknowledged = long.Parse(line, CultureInfo.InvariantCulture);
            });
            await Task.Delay(random.Next(300, 1500));
            child.Kill();
            await child.WaitForExitAsync();
            await reading;

            var machine = new LastNumber();
            if (acknowledged >= 0)
            {
                await using var replica = await Replica.OpenAsync(Options(directory), machine, TimeProvider.System, null, NullLogger.Instance);
                Console.WriteLine($"round {round}: {acknowledged} acknowledged, {machine.Last} there");
            }
            if (machine.Last < acknowledged)
                return 1;
        }
        return 0;
    }

    public static async Task ChildAsync(string directory)
    {
        var machine = new LastNumber();
        await using var replica = await Replica.OpenAsync(Options(directory), machine, TimeProvider.System, null, NullLogger.Instance);
        for (var next = machine.Last + 1; ; next++)
        {
            await replica.ProposeAsync(Encoding.UTF8.GetBytes(next.ToString(CultureInfo.InvariantCulture)));
            Console.WriteLine(next);
        }
    }

    private static string[] Self() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [typeof(KillCheck).Assembly.Location] : [];

    private static ReplicaOptions Options(string directory) => new()
    {
        Directory = directory,
        NodeId = 1,
        Cipher = new AesGcmRecordCipher(new byte[AesGcmRecordCipher.KeyBytes]),
        Start = Replica.Exists(new DiskFileSystem(), directory) ? ReplicaStart.Existing : ReplicaStart.NewGroup,
        SnapshotInterval = 500,
        Log = new LogOptions { SegmentBytes = 20_000 },
    };

    /// <summary>Numbers come in order, without gaps.</summary>
    private sealed class LastNumber : IStateMachine
    {
        public long Last { get; private set; } = -1;

        public void Apply(ulong index, ReadOnlyMemory<byte> entry)
        {
            var number = long.Parse(Encoding.UTF8.GetString(entry.Span), CultureInfo.InvariantCulture);
            if (number != Last + 1)
                throw new InvalidDataException($"{number} follows {Last}");
            Last = number;
        }

        public ISnapshotWriter CaptureSnapshot() => new Writer(Last);

        public void Restore(ulong index, Stream snapshot)
        {
            using var reader = new StreamReader(snapshot);
            Last = long.Parse(reader.ReadToEnd(), CultureInfo.InvariantCulture);
        }

        private sealed class Writer(long last) : ISnapshotWriter
        {
            public void WriteTo(Stream stream) => stream.Write(Encoding.UTF8.GetBytes(last.ToString(CultureInfo.InvariantCulture)));

            public void Dispose()
            {
            }
        }
    }
}
