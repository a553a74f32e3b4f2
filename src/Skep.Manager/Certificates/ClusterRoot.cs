using System.Security.Cryptography;
using Google.Protobuf;

namespace Skep.Manager.Certificates;

/// <summary>What follows from the certificate of a cluster's root.</summary>
public static class ClusterRoot
{
    /// <summary>As the state shows it beside the certificate.</summary>
    public static string HashOf(ByteString certificatePem)
    {
        ArgumentNullException.ThrowIfNull(certificatePem);
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(certificatePem.Span));
    }

    internal static string NewJoinToken(Turn turn, ByteString certificatePem) =>
        Wire.JoinToken.Create(certificatePem.Span, turn.Ids.NextBytes(Wire.JoinToken.SecretBytes));
}
