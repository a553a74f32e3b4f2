using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Skep.Wire;

namespace Skep.Security.External;

/// <summary>What an external CA is asked for, and whether its answer is that.</summary>
/// <param name="certificate">This manager's: it is shown to the authority.</param>
/// <param name="time">The clock.</param>
internal sealed class ExternalAuthority(ManagerCertificate certificate, TimeProvider time) : IDisposable
{
    /// <summary>The authority's profile for certificates that sign others; nodes' come under its default.</summary>
    private const string CrossSignProfile = "CA";

    private const string BasicConstraints = "2.5.29.19";

    private readonly CfsslClient _client = new(certificate, time);

    /// <summary>A node's certificate.</summary>
    /// <param name="root">Whose it must be.</param>
    /// <param name="trusted">What the authority's own certificate must be of.</param>
    /// <param name="csr">The node's request.</param>
    /// <param name="key">Its key.</param>
    /// <param name="identity">Becomes the subject.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="ExternalAuthorityException">None can be had.</exception>
    public async Task<ByteString> SignAsync(IssuingRoot root, ClusterRoots trusted, ByteString csr, PublicKey key, NodeIdentity identity, CancellationToken cancellation)
    {
        var isManager = identity.Role == NodeRole.Manager;
        var unit = isManager ? NodeIdentity.ManagerUnit : NodeIdentity.WorkerUnit;
        var pem = await _client.SignAsync(root.Urls, trusted, new CfsslRequest
        {
            // Newcomers and renewing nodes ask managers for the last name.
            Hosts = isManager ? [unit, identity.NodeId, NodeIdentity.CaName] : [unit, identity.NodeId],
            CertificateRequest = csr.ToStringUtf8(),
            Subject = new CfsslSubject(identity.NodeId, [new CfsslName { Unit = unit, Organization = identity.ClusterId }]),
        }, cancellation).ConfigureAwait(false);
        return Flaw(pem, root.CertificatePem, key, signed => identity.Equals(NodeIdentity.FromSubject(signed.SubjectName)) && signed.MatchesHostname(unit)) is { } flaw
            ? throw Useless(flaw)
            : pem;
    }

    /// <summary>Another root, signed by the one whose key the authorities have.</summary>
    /// <param name="urls">The authorities.</param>
    /// <param name="presentPem">Their root.</param>
    /// <param name="other">The other root, with its key.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="ExternalAuthorityException">It cannot be had.</exception>
    public async Task<ByteString> CrossSignAsync(IReadOnlyList<string> urls, ByteString presentPem, RootCertificateAuthority other, CancellationToken cancellation)
    {
        var subject = other.Certificate.SubjectName;
        var pem = await _client.SignAsync(urls, ClusterRoots.Parse(presentPem.Span), new CfsslRequest
        {
            CertificateRequest = other.CreateCrossSigningRequest(),
            Subject = new CfsslSubject(other.Certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), [NameOf(subject)]),
            Profile = CrossSignProfile,
            // CFSSL takes only names from a request: that it is for a CA must be said apart.
            Extensions = [.. other.Certificate.Extensions.Where(e => e.Oid?.Value == BasicConstraints)
                .Select(e => new CfsslExtension(BasicConstraints, e.Critical, Convert.ToHexStringLower(e.RawData)))],
        }, cancellation).ConfigureAwait(false);
        return Flaw(pem, presentPem, other.Certificate.PublicKey, signed => signed.SubjectName.RawData.AsSpan().SequenceEqual(subject.RawData)) is { } flaw
            ? throw Useless(flaw)
            : pem;
    }

    /// <summary>Null when an authority can be reached and has a certificate of the root; else why not.</summary>
    public Task<string?> FlawAsync(string url, ByteString rootPem, CancellationToken cancellation) =>
        _client.FlawAsync(url, ClusterRoots.Parse(rootPem.Span), cancellation);

    public void Dispose() => _client.Dispose();

    private string? Flaw(ByteString pem, ByteString rootPem, PublicKey key, Func<X509Certificate2, bool> isFor)
    {
        try
        {
            var certificates = PemCertificates.Read(pem.Span);
            if (certificates.Count == 0)
                return "is none";
            var signed = certificates[0];
            if (!signed.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                return "has another key than was asked for";
            if (!isFor(signed))
                return $"has another subject than was asked for ({signed.Subject})";
            return ClusterRoots.Parse(rootPem.Span).Check(signed, time.GetUtcNow()) is { } flaw ? $"the root itself has not signed: {flaw}" : null;
        }
        catch (CryptographicException e)
        {
            return $"cannot be read: {e.Message}";
        }
    }

    private static ExternalAuthorityException Useless(string flaw) => new($"the external CA answered with a certificate that {flaw}");

    private static CfsslName NameOf(X500DistinguishedName subject)
    {
        var parts = subject.EnumerateRelativeDistinguishedNames().Where(part => !part.HasMultipleElements)
            .ToLookup(part => part.GetSingleElementType().Value, part => part.GetSingleElementValue());
        return new CfsslName
        {
            Country = parts["2.5.4.6"].FirstOrDefault(),
            State = parts["2.5.4.8"].FirstOrDefault(),
            Locality = parts["2.5.4.7"].FirstOrDefault(),
            Organization = parts["2.5.4.10"].FirstOrDefault(),
            Unit = parts["2.5.4.11"].FirstOrDefault(),
        };
    }
}
