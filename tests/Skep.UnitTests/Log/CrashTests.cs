using Skep.Log;
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
        var whole = new Run(keepOldSnapshots, seed: 0);
        whole.Proceed(null, first);
        Assert.True(whole.Disk.Operations > 150, $"only {whole.Disk.Operations} operations");
        for (var at = 1; at <= whole.Disk.Operations; at++)
        {
            var run = new Run(keepOldSnapshots, seed: at);
            run.Proceed(at, first);

            // And once more, in the recovery or soon after it.
            run.Proceed(run.Disk.Operations + 1 + (at % 19), second);
            run.Proceed(null, second);
            run.Verify();
        }
    }

    private sealed class Run(int keepOldSnapshots, int seed)
    {
        private readonly List<string> _acknowledged = [];
        private readonly List<string> _proposed = [];
        private readonly RecordingLogger _logger = new();
        private bool _bootstrapped;
        private int _batch;

        public SimulatedFileSystem Disk { get; } = new() { Random = new Random(seed) };

        public void Proceed(int? crashAt, CrashKind kind)
        {
            Disk.CrashAt = crashAt;
            try
            {
                using var replica = Open();
                _bootstrapped = true;
                Check(replica);
                for (; _batch < Batches; _batch++)
                {
                    List<string> entries = [.. Enumerable.Range(0, 1 + (_batch % 4)).Select(i => $"entry {_batch}.{i} {new string('x', _batch * 7 % 50)}")];
                    _proposed.AddRange(entries);
                    replica.Propose(entries, _acknowledged);
                }
                replica.Loop.Close();
            }
            catch (SimulatedCrashException)
            {
                _batch++; // the batch that was interrupted may or may not be there
            }
            Disk.Restart(kind);
        }

        public void Verify()
        {
            using var replica = Open();
            Check(replica);
        }

        private SteppedReplica Open()
        {
            var options = SteppedReplica.Options(Disk);
            options = options with { Log = options.Log with { KeepOldSnapshots = keepOldSnapshots } };
            try
            {
                return new SteppedReplica(options, _logger);
            }
            catch (InvalidOperationException) when (!_bootstrapped)
            {
                return new SteppedReplica(options with { Start = ReplicaStart.NewGroup }, _logger);
            }
        }

        private void Check(SteppedReplica replica)
        {
            var applied = replica.Machine.Applied;
            Assert.Equal(_acknowledged, applied.Where(_acknowledged.Contains));
            Assert.Equal(applied, _proposed.Where(applied.Contains));
            Assert.Equal(applied.Count, applied.Distinct().Count());
        }
    }
}
