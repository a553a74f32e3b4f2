using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security.Keys;

/// <summary>
/// Keeps this manager's keys locked as the cluster wants it: every manager looks at the cluster in its own committed state, so a
/// manager that was down when the unlock key changed opens with the old one and follows when it has caught up.
/// </summary>
/// <param name="keys">What is locked.</param>
/// <param name="store">The committed state.</param>
/// <param name="changeDataKey">Lets the log use the first of the keys' data keys.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what operators should know.</param>
public sealed class UnlockKeyWatch(ManagerKeys keys, StateStore store, Func<Task> changeDataKey, TimeProvider time, ILogger<UnlockKeyWatch> logger)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var subscription = store.Subscribe(
            changes =>
            {
                if (changes.Any(change => change is ClusterChange))
                    LookAgain();
            },
            LookAgain);
        LookAgain();
        while (true)
        {
            await _news.Reader.ReadAsync(cancellation).ConfigureAwait(false);
            while (!await TryFollowAsync().ConfigureAwait(false))
                await Task.Delay(RetryAfter, time, cancellation).ConfigureAwait(false);
        }
    }

    private void LookAgain() => _news.Writer.TryWrite(true);

    private async Task<bool> TryFollowAsync()
    {
        try
        {
            if (store.Read(state => state.Cluster) is not { } cluster)
                return true;
            var wereLocked = keys.AreLocked;
            if (!keys.Relock(UnlockKey.Of(cluster), cluster.Meta.Version.Index))
            {
                if (wereLocked && !keys.AreLocked)
                    logger.LogInformation("this manager's keys are not locked any more: a restart needs no unlock key");
                return true;
            }
            logger.LogInformation("this manager's keys are locked with the cluster's present unlock key, and its log gets a new key");
            await changeDataKey().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogError("this manager's keys could not be locked as the cluster wants it: {Reason}; trying again in {Seconds} s", e.Message, RetryAfter.TotalSeconds);
            return false;
        }
    }
}
