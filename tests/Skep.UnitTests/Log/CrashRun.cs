using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>A replica alone that writes batch after batch, may crash at any operation on its disk, and goes on after it.</summary>
internal class CrashRun(int batches, int keepOldSnapshots, int seed)
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
            for (; _batch < batches; _batch++)
            {
                List<string> entries = [.. Enumerable.Range(0, 1 + (_batch % 4)).Select(i => $"entry {_batch}.{i} {new string('x', _batch * 7 % 50)}")];
                _proposed.AddRange(entries);
                replica.Propose(entries, _acknowledged);
                AfterBatch(replica, _batch);
            }
            replica.Loop.Close();
        }
        catch (SimulatedCrashException)
        {
            _batch++; // the batch that was interrupted may or may not be there
        }
        Disk.Restart(kind);
    }

    public virtual void Verify()
    {
        using var replica = Open();
        Check(replica);
    }

    protected virtual ReplicaOptions Options() => SteppedReplica.Options(Disk);

    protected virtual void AfterBatch(SteppedReplica replica, int batch)
    {
    }

    private SteppedReplica Open()
    {
        var options = Options();
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
