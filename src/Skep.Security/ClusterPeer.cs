using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Skep.Rpc.Polling;
using Skep.Rpc.Server;

namespace Skep.Security;

/// <summary>The caller on a connection of the cluster port.</summary>
internal sealed class ClusterPeer(IPEndPoint address, PolledStream bytes, SslStream transport, X509Certificate2? certificate, VerifiedPeer? verdict) : RpcPeer(address, bytes, transport)
{
    private volatile VerifiedPeer? _verdict = verdict;

    /// <summary>Null: it showed none.</summary>
    public X509Certificate2? Certificate => certificate;

    /// <summary>What its certificate is worth by today's roots; null when it has none.</summary>
    public VerifiedPeer? Verify(ClusterTrust trust)
    {
        if (certificate is null)
            return null;
        if (_verdict is not { } verdict || !trust.IsCurrent(verdict))
            _verdict = verdict = trust.Verify(certificate, _verdict?.Intermediates);
        return verdict;
    }
}
