using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.State;
using Skep.Wire;

namespace Skep.Security;

/// <summary>What the cluster trusts at this moment, by the committed state: its root, and while that rotates the next one too.</summary>
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
    /// <param name="certificate">The peer's.</param>
    /// <param name="intermediates">What it sent along.</param>
    internal VerifiedPeer Verify(X509Certificate2 certificate, X509Certificate2Collection? intermediates)
    {
        var current = Current();
        return Accept(certificate, intermediates, current is null ? "there is no cluster yet" : current.Roots.Check(certificate, Now, intermediates));
    }

    /// <summary>Notes the verdict of a chain that was built with the present roots' policy.</summary>
    internal VerifiedPeer Accept(X509Certificate2 certificate, X509Certificate2Collection? intermediates, string? flaw) =>
        new(NodeIdentity.FromSubject(certificate.SubjectName), certificate.NotBefore, certificate.NotAfter, Current()?.Pem ?? ByteString.Empty, intermediates, flaw);

    /// <summary>The verdict was made with the present roots.</summary>
    internal bool IsCurrent(VerifiedPeer peer) => Current() is { } current && current.Pem.Equals(peer.RootPem);

    private Parsed? Current()
    {
        var root = store.Read(state => state.Cluster?.RootCa);
        object source = root is null ? own.RootPem : root;
        var parsed = _parsed;
        // Objects are never changed once they are in the state: the same root is the same object, or one with the same text.
        if (parsed is not null && ReferenceEquals(parsed.Source, source))
            return parsed;
        var pem = root is null ? own.RootPem : IssuingRoot.TrustedBy(root);
        parsed = parsed is not null && parsed.Pem.Equals(pem) ? parsed with { Source = source } : new Parsed(source, pem, ClusterRoots.Parse(pem.Span));
        _parsed = parsed;
        return parsed;
    }

    private sealed record Parsed(object Source, ByteString Pem, ClusterRoots Roots);
}

/// <summary>A peer's certificate and what was found out about it; kept with the connection.</summary>
/// <param name="Identity">What its subject says; null when it is not a node certificate.</param>
/// <param name="NotBefore">Start of its validity.</param>
/// <param name="NotAfter">End of its validity.</param>
/// <param name="RootPem">The roots it was judged by.</param>
/// <param name="Intermediates">What the peer sent along to link it to a root; null: nothing.</param>
/// <param name="Flaw">Why it is not trusted; null when it is.</param>
internal sealed record VerifiedPeer(NodeIdentity? Identity, DateTimeOffset NotBefore, DateTimeOffset NotAfter, ByteString RootPem, X509Certificate2Collection? Intermediates, string? Flaw);
