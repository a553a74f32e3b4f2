using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Skep.Security;
using Skep.Security.Keys;
using Skep.State;
using Skep.Wire;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

/// <summary>A manager's key file follows the cluster in that manager's own committed state.</summary>
public sealed class UnlockKeyWatchTests : IAsyncDisposable
{
    private static readonly byte[] First = RandomNumberGenerator.GetBytes(UnlockKey.Bytes);
    private static readonly byte[] Second = RandomNumberGenerator.GetBytes(UnlockKey.Bytes);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-watch-");
    private readonly FakeTimeProvider _time = new();
    private readonly StateStore _store = new();
    private readonly LogLines _log = new();
    private readonly ILoggerFactory _loggers;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _dataKeyChanges = new(0);
    private readonly ManagerKeys _keys;
    private Task _running = Task.CompletedTask;

    public UnlockKeyWatchTests()
    {
        _keys = ManagerKeys.Create(_directory.FullName, default, 0);
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(_log));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _loggers.Dispose();
        _log.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Turning_autolock_on_rotating_and_turning_it_off_are_followed()
    {
        Put(null);
        Watch();
        Put(First);
        await DataKeyChangedAsync();
        Assert.True(Opens(First));
        Assert.False(Opens(null));

        Put(Second);
        await DataKeyChangedAsync();
        Assert.True(Opens(Second));
        Assert.False(Opens(First));

        Put(null);
        await _log.ExpectAsync("Information", "a restart needs no unlock key");
        Assert.True(Opens(null));
        Assert.Equal(0, _dataKeyChanges.CurrentCount);
    }

    [Fact]
    public async Task What_changed_while_the_manager_was_down_is_followed_at_the_start()
    {
        Put(First);
        Put(Second);
        Watch();
        await DataKeyChangedAsync();
        Assert.True(Opens(Second));
    }

    [Fact]
    public async Task A_disk_that_fails_is_told_and_tried_again_and_the_old_key_works_until_then()
    {
        Put(First);
        Watch();
        await DataKeyChangedAsync();
        var obstacle = Directory.CreateDirectory(Path.Combine(_directory.FullName, ManagerKeys.FileName + ".tmp"));

        Put(Second);
        await _log.ExpectAsync("Error", "could not be locked as the cluster wants it");
        Assert.True(Opens(First));

        obstacle.Delete();
        for (var i = 0; i < 200 && _dataKeyChanges.CurrentCount == 0; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(11));
            await Task.Delay(10);
        }
        await DataKeyChangedAsync();
        Assert.True(Opens(Second));
    }

    private void Watch() => _running = new UnlockKeyWatch(
        _keys, _store,
        () =>
        {
            _dataKeyChanges.Release();
            return Task.CompletedTask;
        },
        _time, _loggers.CreateLogger<UnlockKeyWatch>()).RunAsync(_stop.Token);

    private async Task DataKeyChangedAsync() => Assert.True(await _dataKeyChanges.WaitAsync(TimeSpan.FromSeconds(10)));

    private bool Opens(byte[]? unlockKey)
    {
        try
        {
            ManagerKeys.Open(_directory.FullName, unlockKey);
            return true;
        }
        catch (ManagerLockedException)
        {
            return false;
        }
    }

    private void Put(byte[]? unlockKey)
    {
        var cluster = _store.Read(state => state.Cluster)?.Clone() ?? ClusterFactory.Create(new ClusterSettings(), _time.GetUtcNow());
        cluster.UnlockKeys.Clear();
        cluster.Spec.EncryptionConfig.AutoLockManagers = unlockKey is not null;
        if (unlockKey is not null)
            cluster.UnlockKeys.Add(new EncryptionKey { Subsystem = UnlockKey.Subsystem, Key = ByteString.CopyFrom(unlockKey) });
        _store.Apply(new Batch { Format = ClusterState.Format, Time = SwarmTime.ToLog(_time.GetUtcNow()), Mutations = { new Mutation { PutCluster = new PutCluster { Cluster = cluster } } } });
    }
}
