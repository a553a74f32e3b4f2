using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Skep.Security.Keys;

namespace Skep.Security;

/// <summary>
/// A manager's own certificate on disk, under the names that dockerd uses: swarm-root-ca.crt and swarm-node.crt; its key is among the
/// manager's keys. Readable by their owner only.
/// </summary>
/// <remarks>
/// A certificate and its key are two files and cannot be replaced at once. The new key is stored beside the old one first, so
/// that after a crash at any moment one of the two keys fits the certificate.
/// </remarks>
/// <param name="directory">certificates, in the data directory. Made when it is missing.</param>
/// <param name="keys">Where the private key is.</param>
internal sealed class CertificateFiles(string directory, ManagerKeys keys)
{
    public ManagerKeys Keys => keys;

    private string RootPath => Path.Combine(directory, "swarm-root-ca.crt");

    private string CertificatePath => Path.Combine(directory, "swarm-node.crt");

    public void WriteRoot(ReadOnlySpan<byte> pem) => DurableFile.Replace(RootPath, pem);

    /// <exception cref="InvalidManagerCertificateException">It is missing.</exception>
    public byte[] ReadRoot()
    {
        try
        {
            return File.ReadAllBytes(RootPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidManagerCertificateException($"the cluster's root certificate cannot be read: {e.Message}", e);
        }
    }

    public void Write(ReadOnlySpan<byte> certificatePem, string keyPem)
    {
        var present = File.Exists(CertificatePath) ? File.ReadAllText(CertificatePath) : "";
        keys.SetPrivateKeys([keyPem, .. keys.PrivateKeys.Where(key => Pair(present, key) is not null)]);
        DurableFile.Replace(CertificatePath, certificatePem);
        keys.KeepOnlyPrivateKey(keyPem);
    }

    /// <summary>The certificate, then what links it to the root.</summary>
    public string ReadPem() => File.ReadAllText(CertificatePath);

    /// <summary>The certificate with its key.</summary>
    /// <exception cref="InvalidManagerCertificateException">They are missing or damaged.</exception>
    public X509Certificate2 Read()
    {
        try
        {
            var certificatePem = File.ReadAllText(CertificatePath);
            return keys.PrivateKeys.Select(key => Pair(certificatePem, key)).FirstOrDefault(pair => pair is not null)
                ?? throw new InvalidManagerCertificateException($"no key in {ManagerKeys.FileName} is that of {CertificatePath}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidManagerCertificateException($"the manager's certificate cannot be read: {e.Message}", e);
        }
    }

    /// <summary>What links the certificate to the root, when it is not the root itself that signed it.</summary>
    /// <exception cref="InvalidManagerCertificateException">The certificate is missing or damaged.</exception>
    public X509Certificate2Collection ReadIntermediates()
    {
        try
        {
            var chain = PemCertificates.Read(File.ReadAllBytes(CertificatePath));
            chain.RemoveAt(0);
            return chain;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new InvalidManagerCertificateException($"the manager's certificate cannot be read: {e.Message}", e);
        }
    }

    private static X509Certificate2? Pair(string certificatePem, string keyPem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificatePem, keyPem);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return null;
        }
    }
}

/// <summary>The manager's own certificate is missing or damaged.</summary>
public sealed class InvalidManagerCertificateException(string message, Exception? inner = null) : Exception(message, inner);
