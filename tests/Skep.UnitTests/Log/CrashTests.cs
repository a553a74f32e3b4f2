using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>The process is killed, or power fails, at each single operation on the disk.</summary>
public sealed class CrashTests
{
    private const int Batches = 30;

    [Theory]
    [InlineData(CrashKind.ProcessKilled, CrashKind.ProcessKilled, 0)]
    [InlineData(CrashKind.UnsyncedLost, CrashKind.UnsyncedLost, 0)]
    [InlineData(CrashKind.UnsyncedTorn, CrashKind.UnsyncedTorn, 0)]
    [InlineData(CrashKind.UnsyncedTorn, CrashKind.ProcessKilled, 1)]
    [InlineData(CrashKind.ProcessKilled, CrashKind.UnsyncedTorn, 1)]
    [InlineData(CrashKind.ProcessKilled, CrashKind.UnsyncedLost, 0)]
    public void Nothing_acknowledged_is_lost_wherever_it_crashes(CrashKind first, CrashKind second, int keepOldSnapshots)
    {
        var whole = new CrashRun(Batches, keepOldSnapshots, seed: 0);
        whole.Proceed(null, first);
        Assert.True(whole.Disk.Operations > 150, $"only {whole.Disk.Operations} operations");
        for (var at = 1; at <= whole.Disk.Operations; at++)
        {
            var run = new CrashRun(Batches, keepOldSnapshots, seed: at);
            run.Proceed(at, first);

            // And once more, in the recovery or soon after it.
            run.Proceed(run.Disk.Operations + 1 + (at % 19), second);
            run.Proceed(null, second);
            run.Verify();
        }
    }
}
