using Google.Protobuf;
using Skep.Wire;

namespace Skep.Security;

/// <summary>What signs the certificates of a cluster's members at present: its root, or, while that rotates, the next one.</summary>
/// <param name="CertificatePem">The root that signs.</param>
/// <param name="KeyPem">Its key, secret; empty when only external CAs have it.</param>
/// <param name="IntermediatesPem">
/// Goes with every certificate while the root rotates: the next root as the present one signed it, so that members who trust only
/// the present one accept the certificate.
/// </param>
/// <param name="Urls">The external CAs that sign for it. They go before the key, as in stock.</param>
internal sealed record IssuingRoot(ByteString CertificatePem, ByteString KeyPem, ByteString IntermediatesPem, IReadOnlyList<string> Urls)
{
    public static IssuingRoot Of(Cluster cluster)
    {
        var root = cluster.RootCa;
        var (certificate, key, intermediates) = root.RootRotation is { } rotation
            ? (rotation.CaCert, rotation.CaKey, rotation.CrossSignedCaCert)
            : (root.CaCert, root.CaKey, ByteString.Empty);
        return new IssuingRoot(certificate, key, intermediates, UrlsOf(cluster.Spec?.CaConfig, root.CaCert, certificate));
    }

    /// <summary>The external CAs that have the key of a root.</summary>
    /// <param name="config">Names them.</param>
    /// <param name="presentPem">The root of those that name none.</param>
    /// <param name="wantedPem">The root in question.</param>
    public static IReadOnlyList<string> UrlsOf(CAConfig? config, ByteString presentPem, ByteString wantedPem)
    {
        if (config is not { ExternalCas.Count: > 0 })
            return [];
        var wanted = PemCertificates.Normalize(wantedPem);
        return [.. config.ExternalCas
            .Where(ca => ca.Protocol == ExternalCA.Types.CAProtocol.Cfssl && PemCertificates.Normalize(ca.CaCert.IsEmpty ? presentPem : ca.CaCert).Equals(wanted))
            .Select(ca => ca.Url)];
    }

    /// <summary>What members trust: the root, and while it rotates the next one too. First the present one.</summary>
    public static ByteString TrustedBy(RootCA root) =>
        root.RootRotation is { } rotation ? ByteString.CopyFrom([.. root.CaCert.Span, .. rotation.CaCert.Span]) : root.CaCert;
}
