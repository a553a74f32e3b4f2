using Microsoft.Extensions.Logging;
using Skep.State;

namespace Skep.Security;

/// <summary>
/// Renews this manager's certificate somewhere between half and four fifths of its life, as engines do with theirs. The root's
/// key is in the state, so nobody has to be asked. At once when its private key may be known to others.
/// </summary>
/// <param name="certificate">The one to keep fresh.</param>
/// <param name="store">The committed state.</param>
/// <param name="time">The clock.</param>
/// <param name="random">For the moment of renewal, so that managers do not all renew at once.</param>
/// <param name="logger">For what operators should know.</param>
public sealed class ManagerCertificateRenewal(ManagerCertificate certificate, StateStore store, TimeProvider time, Random random, ILogger<ManagerCertificateRenewal> logger)
{
    private const double Earliest = 0.5;
    private const double Latest = 0.8;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    /// <summary>A timer takes at most some 49 days; what is due later is looked at again then.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private TaskCompletionSource _news = NewNews();

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        void OnExposed() => Volatile.Read(ref _news).TrySetResult();
        certificate.Keys.PrivateKeysExposed += OnExposed;
        try
        {
            var (due, notBefore) = (NextDue(), DateTimeOffset.MinValue);
            while (true)
            {
                // Before looking, so that what changes while this looks is looked at again.
                Volatile.Write(ref _news, NewNews());
                var wait = (certificate.Keys.ArePrivateKeysExposed ? notBefore : due) - time.GetUtcNow();
                if (wait > TimeSpan.Zero)
                    await WaitForNewsAsync(wait < LongestWait ? wait : LongestWait, cancellation).ConfigureAwait(false);
                else if (TryRenew())
                    due = NextDue();
                else
                    due = notBefore = time.GetUtcNow() + RetryAfter;
            }
        }
        finally
        {
            certificate.Keys.PrivateKeysExposed -= OnExposed;
        }
    }

    private static TaskCompletionSource NewNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitForNewsAsync(TimeSpan wait, CancellationToken cancellation)
    {
        try
        {
            await _news.Task.WaitAsync(wait, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Time to look again.
        }
    }

    private DateTimeOffset NextDue()
    {
        DateTimeOffset from = certificate.Certificate.NotBefore;
        DateTimeOffset to = certificate.Certificate.NotAfter;
        return from + ((to - from) * (Earliest + ((Latest - Earliest) * random.NextDouble())));
    }

    private bool TryRenew()
    {
        try
        {
            var cluster = store.Read(state => state.Cluster);
            if (cluster is null)
                return false;
            using var root = RootCertificateAuthority.Load(cluster.RootCa.CaCert, cluster.RootCa.CaKey);
            certificate.Renew(root, ClusterFactory.NodeCertificateLifetime(cluster.Spec), time.GetUtcNow());
            logger.LogInformation("this manager's certificate was renewed and is valid until {NotAfter:u}", certificate.Certificate.NotAfter.ToUniversalTime());
            return true;
        }
        catch (Exception e) when (e is InvalidRootException or InvalidManagerCertificateException or IOException or UnauthorizedAccessException)
        {
            logger.LogError(e, "this manager's certificate, valid until {NotAfter:u}, could not be renewed: {Reason}; trying again in a minute",
                certificate.Certificate.NotAfter.ToUniversalTime(), e.Message);
            return false;
        }
    }
}
