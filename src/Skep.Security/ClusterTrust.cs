using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.State;
using Skep.Wire;

namespace Skep.Security;

/// <summary>What the cluster trusts at this moment, by the committed state.</summary>
/// <param name="store">The committed state.</param>
/// <param name="own">This manager's certificate: what came with it counts until the state has come.</param>
/// <param name="time">The clock.</param>
public sealed class ClusterTrust(StateStore store, ManagerCertificate own, TimeProvider time)
{
    private volatile Parsed? _parsed;

    internal DateTimeOffset Now => time.GetUtcNow();

    /// <summary>The cluster's id: that of this manager's own certificate.</summary>
    internal string ClusterId => own.Identity.ClusterId;

    /// <summary>The present roots; null while there is no cluster.</summary>
    internal ClusterRoots? Roots => Current()?.Roots;

    /// <summary>Judges a peer's certificate; once per connection, since it costs a signature check.</summary>
    internal VerifiedPeer Verify(X509Certificate2 certificate)
    {
        var current = Current();
        return Accept(certificate, current is null ? "there is no cluster yet" : current.Roots.Check(certificate, Now));
    }

    /// <summary>Notes the verdict of a chain that was built with the present roots' policy.</summary>
    internal VerifiedPeer Accept(X509Certificate2 certificate, string? flaw) =>
        new(NodeIdentity.FromSubject(certificate.SubjectName), certificate.NotBefore, certificate.NotAfter, Current()?.Pem ?? ByteString.Empty, flaw);

    /// <summary>The verdict was made with the present roots.</summary>
    internal bool IsCurrent(VerifiedPeer peer) => Current() is { } current && current.Pem.Equals(peer.RootPem);

    private Parsed? Current()
    {
        var pem = store.Read(state => state.Cluster?.RootCa.CaCert) ?? own.RootPem;
        var parsed = _parsed;
        if (parsed is null || !parsed.Pem.Equals(pem))
            _parsed = parsed = new Parsed(pem, ClusterRoots.Parse(pem.Span));
        return parsed;
    }

    private sealed record Parsed(ByteString Pem, ClusterRoots Roots);
}

/// <summary>A peer's certificate and what was found out about it; kept with the connection.</summary>
/// <param name="Identity">What its subject says; null when it is not a node certificate.</param>
/// <param name="NotBefore">Start of its validity.</param>
/// <param name="NotAfter">End of its validity.</param>
/// <param name="RootPem">The roots it was judged by.</param>
/// <param name="Flaw">Why it is not trusted; null when it is.</param>
internal sealed record VerifiedPeer(NodeIdentity? Identity, DateTimeOffset NotBefore, DateTimeOffset NotAfter, ByteString RootPem, string? Flaw);
