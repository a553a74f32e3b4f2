using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;

namespace Skep.Security;

/// <summary>Certificates in PEM, one or several after each other.</summary>
internal static class PemCertificates
{
    /// <summary>Reads all of them.</summary>
    /// <exception cref="CryptographicException">One cannot be read.</exception>
    public static X509Certificate2Collection Read(ReadOnlySpan<byte> pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(Encoding.UTF8.GetString(pem));
        return certificates;
    }

    /// <summary>
    /// The same certificates without what stands between them and with lines of one length: two texts of the same certificates
    /// are equal then, byte by byte. What is none is left out.
    /// </summary>
    public static ByteString Normalize(ByteString pem)
    {
        var normal = new StringBuilder();
        ReadOnlySpan<char> rest = pem.ToStringUtf8();
        while (PemEncoding.TryFind(rest, out var found))
        {
            var data = new byte[found.DecodedDataLength];
            if (rest[found.Label].SequenceEqual("CERTIFICATE") && Convert.TryFromBase64Chars(rest[found.Base64Data], data, out var length))
                normal.Append(PemEncoding.Write("CERTIFICATE", data.AsSpan(0, length))).Append('\n');
            rest = rest[found.Location.End..];
        }
        return ByteString.CopyFromUtf8(normal.ToString());
    }
}
