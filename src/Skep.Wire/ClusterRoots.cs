using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Skep.Wire;

/// <summary>The root certificates that a cluster's members trust, and nothing else: the system's own roots never count.</summary>
public sealed class ClusterRoots
{
    private readonly X509Certificate2Collection _roots = [];

    private ClusterRoots(byte[] pem) => Pem = pem;

    /// <summary>As the cluster serves them.</summary>
    public ReadOnlyMemory<byte> Pem { get; }

    /// <summary>Reads one or more root certificates.</summary>
    /// <exception cref="FormatException">There is none in it, or one cannot be read.</exception>
    public static ClusterRoots Parse(ReadOnlySpan<byte> pem)
    {
        var roots = new ClusterRoots(pem.ToArray());
        try
        {
            roots._roots.ImportFromPem(Encoding.UTF8.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new FormatException("invalid root certificates", e);
        }
        return roots._roots.Count > 0 ? roots : throw new FormatException("no valid root CA certificates found");
    }

    /// <summary>Null when the certificate chains up to one of the roots and is within its validity; else why it is not trusted, in Go's words.</summary>
    /// <param name="certificate">The peer's own certificate.</param>
    /// <param name="now">The time to judge by.</param>
    /// <param name="intermediates">What the peer sent along: while the root rotates, the new root as the old one signed it.</param>
    public string? Check(X509Certificate2 certificate, DateTimeOffset now, X509Certificate2Collection? intermediates = null)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        using var chain = new X509Chain { ChainPolicy = Policy(now) };
        if (intermediates is not null)
            chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        return chain.Build(certificate) ? null : Flaw(chain);
    }

    /// <summary>The rules by which a chain is built: for TLS options that take them.</summary>
    /// <param name="now">The time to judge by.</param>
    public X509ChainPolicy Policy(DateTimeOffset now)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // Nothing is to be fetched on the word of a certificate that nobody trusts yet, and there are no revocation
            // lists: removed nodes are known to the managers.
            DisableCertificateDownloads = true,
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationTime = now.UtcDateTime,
        };
        policy.CustomTrustStore.AddRange(_roots);
        return policy;
    }

    /// <summary>Why a chain was not trusted.</summary>
    public static string Flaw(X509Chain chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        var flaws = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if ((flaws & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.NotSignatureValid)) != 0)
            return "certificate signed by unknown authority";
        if ((flaws & X509ChainStatusFlags.NotTimeValid) != 0)
            return "certificate has expired or is not yet valid";
        return $"certificate is not valid ({flaws})";
    }
}
