using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Security.External;
using Skep.State;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security;

/// <summary>
/// Keeps this manager's certificate fresh: renews it somewhere between half and four fifths of its life, as engines do with
/// theirs, and at once when the cluster's root rotates. Then it says so to the cluster, since a rotation waits for every manager.
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

    /// <summary>A leader is found again within seconds, and a rotation waits for what is to be told.</summary>
    private static readonly TimeSpan TellAgainAfter = TimeSpan.FromSeconds(2);

    /// <summary>A timer takes at most some 49 days; what is due later is looked at again then.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private TaskCompletionSource _news = NewNews();

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var subscription = manager.Store.Subscribe(changes =>
        {
            if (changes.Any(Concerns))
                Volatile.Read(ref _news).TrySetResult();
        }, () => Volatile.Read(ref _news).TrySetResult());
        var due = NextDue();
        while (true)
        {
            // Before looking, so that what changes while this looks is looked at again.
            Volatile.Write(ref _news, NewNews());
            var (again, isRenewed) = await LookAsync(due, cancellation).ConfigureAwait(false);
            if (isRenewed)
                due = NextDue();
            var wait = Min(again ?? LongestWait, due - time.GetUtcNow());
            if (wait > TimeSpan.Zero)
                await WaitForNewsAsync(Min(wait, LongestWait), cancellation).ConfigureAwait(false);
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

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
        if (manager.Store.Read(state => state.Cluster) is not { } cluster)
            return (RetryAfter, false);
        var isRenewed = false;
        try
        {
            certificate.Trust(IssuingRoot.TrustedBy(cluster.RootCa));
            if (time.GetUtcNow() >= due || !certificate.IsOf(IssuingRoot.Of(cluster).CertificatePem, time.GetUtcNow()))
            {
                await RenewAsync(cluster, cancellation).ConfigureAwait(false);
                isRenewed = true;
            }
        }
        catch (Exception e) when (e is InvalidRootException or ExternalAuthorityException or InvalidManagerCertificateException or IOException or UnauthorizedAccessException)
        {
            logger.LogError(e, "this manager's certificate, valid until {NotAfter:u}, could not be renewed: {Reason}; trying again in {Seconds} s",
                certificate.Certificate.NotAfter.ToUniversalTime(), e.Message, RetryAfter.TotalSeconds);
            return (RetryAfter, false);
        }
        return (await TellAsync(cluster, cancellation).ConfigureAwait(false) ? null : TellAgainAfter, isRenewed);
    }

    private async Task RenewAsync(Cluster cluster, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        var signed = await signer.SignAsync(cluster, ByteString.CopyFromUtf8(csr), certificate.Identity, cancellation).ConfigureAwait(false);
        certificate.Replace(signed, key.ExportECPrivateKeyPem() + "\n");
        logger.LogInformation("this manager's certificate was renewed and is valid until {NotAfter:u}", certificate.Certificate.NotAfter.ToUniversalTime());
    }

    /// <summary>Says which root the certificate is of, unless the cluster knows.</summary>
    /// <returns>The cluster knows.</returns>
    private async Task<bool> TellAsync(Cluster cluster, CancellationToken cancellation)
    {
        var says = CertificateIssuer.Of(cluster.RootCa).TlsInfo(trusted: cluster.RootCa.CaCert);
        var id = certificate.Identity.NodeId;
        var isKnown = manager.Store.Read(state => !state.Managers.TryGetValue(id, out var self)
            || (says.Equals(self.TlsInfo) && (!state.Nodes.TryGetValue(id, out var host) || says.Equals(host.Description?.TlsInfo))));
        if (isKnown)
            return true;
        try
        {
            await manager.SubmitAsync(new ManagerCertified(id, says), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (ControlException e)
        {
            logger.LogDebug("the cluster could not be told of this manager's certificate: {Reason}", e.Message);
            return false;
        }
    }
}
