using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security;

/// <summary>
/// Keeps this manager's certificate fresh: renews it somewhere between half and four fifths of its life, as engines do with
/// theirs, and at once when the cluster's root rotates, or when its private key may be known to others. Then it says so to the cluster, since a
/// rotation waits for every manager.
/// </summary>
/// <param name="certificate">The one to keep fresh.</param>
/// <param name="manager">The cluster.</param>
/// <param name="signer">Signs it.</param>
/// <param name="time">The clock.</param>
/// <param name="random">For the moment of renewal, so that managers do not all renew at once.</param>
/// <param name="logger">For what operators should know.</param>
public sealed class ManagerCertificateRenewal(
    ManagerCertificate certificate, IManager manager, CertificateSigner signer, TimeProvider time, Random random, ILogger<ManagerCertificateRenewal> logger)
{
    private const double Earliest = 0.5;
    private const double Latest = 0.8;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    /// <summary>A leader is found again within seconds, and a rotation waits for this manager.</summary>
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(2);

    /// <summary>A timer takes at most some 49 days; what is due later is looked at again then.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private TaskCompletionSource _news = NewNews();

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        void OnExposed() => Volatile.Read(ref _news).TrySetResult();
        certificate.Keys.PrivateKeysExposed += OnExposed;
        using var subscription = manager.Store.Subscribe(changes =>
        {
            if (changes.Any(Concerns))
                Volatile.Read(ref _news).TrySetResult();
        }, () => Volatile.Read(ref _news).TrySetResult());
        try
        {
            var due = NextDue();
            while (true)
            {
                // Before looking, so that what changes while this looks is looked at again.
                Volatile.Write(ref _news, NewNews());
                var (again, isRenewed) = await LookAsync(due, cancellation).ConfigureAwait(false);
                if (isRenewed)
                    due = NextDue();
                var wait = again ?? due - time.GetUtcNow();
                if (wait > TimeSpan.Zero)
                    await WaitForNewsAsync(wait < LongestWait ? wait : LongestWait, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            certificate.Keys.PrivateKeysExposed -= OnExposed;
        }
    }

    private static TaskCompletionSource NewNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool Concerns(Change change) => change switch
    {
        ClusterChange cluster => !Equals(cluster.Old?.RootCa, cluster.New.RootCa) || !Equals(cluster.Old?.Spec?.CaConfig, cluster.New.Spec?.CaConfig),
        ManagerChange { New: { } changed } => changed.Id == certificate.Identity.NodeId,
        NodeChange { New: { } host } => host.Id == certificate.Identity.NodeId,
        _ => false,
    };

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

    /// <summary>Does what is to be done now.</summary>
    /// <returns>After how long to look again even if nothing happens, and whether there is a new certificate.</returns>
    private async Task<(TimeSpan? Again, bool IsRenewed)> LookAsync(DateTimeOffset due, CancellationToken cancellation)
    {
        if (manager.Store.Read(state => state.Cluster) is not { } seen)
            return (RetryAfter, false);
        if (IsTrusted(seen) && !MustRenew(seen, due) && Untold(seen) is null)
            return (null, false);
        try
        {
            // A manager that catches up sees the cluster's past: what was its root then is nothing to go by. With a certificate that
            // has ended nobody can be asked any more.
            if (time.GetUtcNow() < certificate.Certificate.NotAfter)
                await manager.ReadBarrierAsync(cancellation).ConfigureAwait(false);
            var cluster = manager.Store.Read(state => state.Cluster)!;
            if (!IsTrusted(cluster))
                certificate.Trust(IssuingRoot.TrustedBy(cluster.RootCa));
            var mustRenew = MustRenew(cluster, due);
            if (mustRenew)
                await RenewAsync(cluster, cancellation).ConfigureAwait(false);
            if (Untold(cluster) is { } says)
                await manager.SubmitAsync(says, cancellation).ConfigureAwait(false);
            return (null, mustRenew);
        }
        catch (ControlException e)
        {
            logger.LogDebug("this manager's certificate waits for the cluster: {Reason}", e.Message);
            return (AskAgainAfter, false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            logger.LogError(e, "this manager's certificate, valid until {NotAfter:u}, could not be renewed: {Reason}; trying again in {Seconds} s",
                certificate.Certificate.NotAfter.ToUniversalTime(), e.Message, RetryAfter.TotalSeconds);
            return (RetryAfter, false);
        }
    }

    private bool IsTrusted(Cluster cluster) => certificate.RootPem.Equals(IssuingRoot.TrustedBy(cluster.RootCa));

    private bool MustRenew(Cluster cluster, DateTimeOffset due)
    {
        var now = time.GetUtcNow();
        return now >= due || certificate.Keys.ArePrivateKeysExposed || !certificate.IsOf(IssuingRoot.Of(cluster).CertificatePem, now);
    }

    /// <summary>What the cluster is to be told of this certificate; null when it knows.</summary>
    private ManagerCertified? Untold(Cluster cluster)
    {
        var says = CertificateIssuer.Of(cluster.RootCa).TlsInfo(trusted: cluster.RootCa.CaCert);
        var id = certificate.Identity.NodeId;
        var isKnown = manager.Store.Read(state => !state.Managers.TryGetValue(id, out var self)
            || (says.Equals(self.TlsInfo) && (!state.Nodes.TryGetValue(id, out var host) || says.Equals(host.Description?.TlsInfo))));
        return isKnown ? null : new ManagerCertified(id, says);
    }

    private async Task RenewAsync(Cluster cluster, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var signed = await signer.SignAsync(cluster, NodeSigningRequest.Create(key), certificate.Identity, cancellation).ConfigureAwait(false);
        certificate.Replace(signed, key.ExportECPrivateKeyPem() + "\n");
        logger.LogInformation("this manager's certificate was renewed and is valid until {NotAfter:u}", certificate.Certificate.NotAfter.ToUniversalTime());
    }
}
