using Microsoft.Extensions.Logging;
using Skep.Log;
using Skep.Security.Keys;
using Skep.State;
using Skep.Storage;

namespace Skep.Daemon.Swarm;

/// <summary>
/// Between the manager's keys and its log: the log is sealed with the first data key, changes it when the cluster is locked anew, and says
/// which keys nothing on the disk needs any more.
/// </summary>
internal sealed class LogKeys(ManagerKeys keys, ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>See <see cref="ReplicaOptions.Cipher"/>.</summary>
    public IRecordCipher Cipher => LogCiphers.Present(keys);

    /// <summary>See <see cref="ReplicaOptions.OlderCiphers"/>.</summary>
    public IReadOnlyList<IRecordCipher> OlderCiphers => LogCiphers.Older(keys);

    /// <summary>See <see cref="ReplicaOptions.OlderCiphersUnused"/>. Returns at once: the log does not wait for another file.</summary>
    public void OlderUnused(IRecordCipher inUse) => _ = Task.Run(() => ForgetAllBut(inUse));

    /// <summary>Follows the unlock key of the cluster until this is disposed.</summary>
    public void Follow(StateStore store, Replica replica, TimeProvider time, ILoggerFactory loggers)
    {
        var watch = new UnlockKeyWatch(keys, store, () => replica.ChangeCipherAsync(Cipher), time, loggers.CreateLogger<UnlockKeyWatch>());
        _watching = watch.RunAsync(_closing.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
    }

    private void ForgetAllBut(IRecordCipher inUse)
    {
        try
        {
            if (keys.DataKeys.FirstOrDefault(key => !key.IsEmpty && AesGcmRecordCipher.IdOf(key.Span) == inUse.KeyId) is { IsEmpty: false } key)
                keys.KeepOnly(key.Span);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogWarning("an old key of the log could not be removed from the key file: {Reason}; the next start tries again", e.Message);
        }
    }
}
