// What the log costs on this machine's disk:
//   dotnet run -c Release --project bench/Skep.Bench.Log [plain] [DIRECTORY]
// (encrypted, as skepd does it, unless "plain" is said)
// and whether it keeps what it acknowledged when it is killed:
//   dotnet run -c Release --project bench/Skep.Bench.Log kill [DIRECTORY]
// and what the encryption alone costs:
//   dotnet run -c Release --project bench/Skep.Bench.Log seal
// The directory should be on the disk that managers use; a temporary one is the default. It is removed afterwards.
using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Bench.Log;
using Skep.Log;

if (args is ["kill-child", var childDirectory])
{
    await KillCheck.ChildAsync(childDirectory);
    return 0;
}
if (args is ["seal"])
{
    SealCost.Print();
    return 0;
}
var kill = args is ["kill", ..];
var plain = args is ["plain", ..];
var parent = args.Skip(kill || plain ? 1 : 0).FirstOrDefault() ?? Path.GetTempPath();
var directory = Path.Combine(parent, $"skep-bench-{Environment.ProcessId}");
var random = new Random(1);
var machine = new NullMachine();
try
{
    if (kill)
        return await KillCheck.RunAsync(directory, rounds: 20);
    var options = new ReplicaOptions { Directory = directory, NodeId = 1, Start = ReplicaStart.NewGroup, Cipher = plain ? PlainRecordCipher.Instance : new AesGcmRecordCipher(RandomNumberGenerator.GetBytes(AesGcmRecordCipher.KeyBytes)) };
    var started = Stopwatch.GetTimestamp();
    await using (var replica = await Replica.OpenAsync(options, machine, TimeProvider.System, null, NullLogger.Instance))
    {
        Console.WriteLine($"new group: leads after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F1} ms");

        machine.SnapshotBytes = 16 << 20; // about what a large cluster has; the group began with an empty state
        await One(replica, 10);
        var latencies = new double[500];
        for (var i = 0; i < latencies.Length; i++)
            latencies[i] = await One(replica, 200);
        Array.Sort(latencies);
        Console.WriteLine($"one after the other, 200 bytes: median {latencies[250]:F2} ms, p99 {latencies[495]:F2} ms");

        foreach (var size in (int[])[100, 1000, 10_000])
            await Many(replica, 10_000, size);

        var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        await Task.Delay(5000);
        process.Refresh();
        Console.WriteLine($"idle for 5 s: {(process.TotalProcessorTime - before).TotalMilliseconds:F1} ms of CPU, {process.WorkingSet64 >> 20} MiB resident");
    }

    started = Stopwatch.GetTimestamp();
    machine = new NullMachine();
    await using (await Replica.OpenAsync(options with { Start = ReplicaStart.Existing }, machine, TimeProvider.System, null, NullLogger.Instance))
        Console.WriteLine($"reopened: leads after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F1} ms, {machine.Applied} entries applied after the snapshot of 16 MiB");
}
finally
{
    if (Directory.Exists(directory))
        Directory.Delete(directory, recursive: true);
}

return 0;

async Task<double> One(Replica replica, int bytes)
{
    var entry = new byte[bytes];
    random.NextBytes(entry);
    var started = Stopwatch.GetTimestamp();
    await replica.ProposeAsync(entry);
    return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
}

async Task Many(Replica replica, int count, int bytes)
{
    var started = Stopwatch.GetTimestamp();
    var proposals = new Task[count];
    for (var i = 0; i < count; i++)
    {
        var entry = new byte[bytes];
        random.NextBytes(entry);
        proposals[i] = replica.ProposeAsync(entry);
    }
    await Task.WhenAll(proposals);
    var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
    Console.WriteLine($"{count} at once, {bytes} bytes: {seconds * 1000:F0} ms, {count / seconds:F0}/s, {count * (double)bytes / seconds / (1 << 20):F1} MiB/s");
}
