using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// What the cluster trusts at this moment: its root, and while that rotates the next one too, as this skepd has stored it. Not as
/// its state says: a manager that joins sees the cluster's past first, and would turn away those who bring it the rest.
/// </summary>
/// <param name="own">This skepd's certificate, with the roots that came with it or have become the cluster's since.</param>
/// <param name="time">The clock.</param>
public sealed class ClusterTrust(ManagerCertificate own, TimeProvider time)
{
    private volatile Parsed? _parsed;

    internal DateTimeOffset Now => time.GetUtcNow();

    /// <summary>The cluster's id: that of this manager's own certificate.</summary>
    internal string ClusterId => own.Identity.ClusterId;

    internal ClusterRoots Roots => Current().Roots;

    /// <summary>Judges a peer's certificate; once per connection, since it costs a signature check.</summary>
    /// <param name="certificate">The peer's.</param>
    /// <param name="intermediates">What it sent along.</param>
    internal VerifiedPeer Verify(X509Certificate2 certificate, X509Certificate2Collection? intermediates) =>
        Accept(certificate, intermediates, Roots.Check(certificate, Now, intermediates));

    /// <summary>Notes the verdict of a chain that was built with the present roots' policy.</summary>
    internal VerifiedPeer Accept(X509Certificate2 certificate, X509Certificate2Collection? intermediates, string? flaw) =>
        new(certificate.Subject, NodeIdentity.FromSubject(certificate.SubjectName), certificate.NotBefore, certificate.NotAfter, Current().Pem, intermediates, flaw);

    /// <summary>The verdict was made with the present roots.</summary>
    internal bool IsCurrent(VerifiedPeer peer) => Current().Pem.Equals(peer.RootPem);

    private Parsed Current()
    {
        var pem = own.RootPem;
        var parsed = _parsed;
        if (parsed is null || !parsed.Pem.Equals(pem))
            _parsed = parsed = new Parsed(pem, ClusterRoots.Parse(pem.Span));
        return parsed;
    }

    private sealed record Parsed(ByteString Pem, ClusterRoots Roots);
}

/// <summary>A peer's certificate and what was found out about it; kept with the connection.</summary>
/// <param name="Subject">As its certificate says.</param>
/// <param name="Identity">What its subject says; null when it is not a node certificate.</param>
/// <param name="NotBefore">Start of its validity.</param>
/// <param name="NotAfter">End of its validity.</param>
/// <param name="RootPem">The roots it was judged by.</param>
/// <param name="Intermediates">What the peer sent along to link it to a root; null: nothing.</param>
/// <param name="Flaw">Why it is not trusted; null when it is.</param>
internal sealed record VerifiedPeer(string Subject, NodeIdentity? Identity, DateTimeOffset NotBefore, DateTimeOffset NotAfter, ByteString RootPem, X509Certificate2Collection? Intermediates, string? Flaw);
