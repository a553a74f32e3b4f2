using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Skep.Wire;

namespace Skep.Agent;

/// <summary>TLS to a manager as an engine opens it: 1.2 or newer, trusting the cluster's root and nothing else.</summary>
internal static class ClusterTls
{
    /// <summary>For asking after the root certificate: the manager is not verified, the answer is (by the token's digest).</summary>
    public static SslClientAuthenticationOptions Unverified() => Options(null, NoRoots(), static (_, certificate, _, _) => certificate is not null);

    /// <summary>Without a certificate of one's own: for a newcomer.</summary>
    /// <param name="roots">Verified by the token.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static SslClientAuthenticationOptions ForNewcomer(ClusterRoots roots, TimeProvider time) => Options(null, Rules(roots, time), Verify(NodeIdentity.CaName));

    /// <summary>With the node's certificate: for everything else.</summary>
    /// <param name="credentials">The node's.</param>
    /// <param name="time">The clock, for the validity of the manager's certificate.</param>
    public static SslClientAuthenticationOptions ForNode(NodeCredentials credentials, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return Options(credentials.TlsContext, Rules(credentials.Roots, time), Verify(NodeIdentity.ManagerUnit));
    }

    // TLS builds a chain in any case: without the system's hundreds of roots, which are of no use here and take most of a handshake's time.
    private static X509ChainPolicy NoRoots() => new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };

    private static X509ChainPolicy Rules(ClusterRoots roots, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentNullException.ThrowIfNull(time);
        return roots.Policy(time.GetUtcNow());
    }

    // TLS has built the chain by the rules. The server is addressed by its IP, but known by the role in its certificate, so the name is checked here.
    private static RemoteCertificateValidationCallback Verify(string serverName) => (_, certificate, _, errors) =>
        certificate is X509Certificate2 presented && presented.MatchesHostname(serverName) && (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;

    private static SslClientAuthenticationOptions Options(SslStreamCertificateContext? certificate, X509ChainPolicy rules, RemoteCertificateValidationCallback verify) => new()
    {
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        RemoteCertificateValidationCallback = verify,
        CertificateChainPolicy = rules,
        ClientCertificateContext = certificate,
        // Newcomers have TLS contexts in common, which takes most of the work out of their handshakes. With a certificate there is one connection
        // at a time, and a context for each would only be kept.
        AllowTlsResume = certificate is null,
    };
}
