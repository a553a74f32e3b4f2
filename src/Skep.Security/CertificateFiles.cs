using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Skep.Security;

/// <summary>
/// A manager's own certificate on disk, under the names that dockerd uses: swarm-root-ca.crt, swarm-node.crt, swarm-node.key.
/// Readable by their owner only.
/// </summary>
/// <remarks>
/// A certificate and its key are two files and cannot be replaced at once. The new key is stored beside the old one first, so
/// that after a crash at any moment one of the two keys fits the certificate.
/// The key is protected by the file's mode alone until autolock is there (the next issue): then it is encrypted with the unlock key.
/// </remarks>
/// <param name="directory">certificates, in the data directory. Made when it is missing.</param>
internal sealed class CertificateFiles(string directory)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private string RootPath => Path.Combine(directory, "swarm-root-ca.crt");

    private string CertificatePath => Path.Combine(directory, "swarm-node.crt");

    private string KeyPath => Path.Combine(directory, "swarm-node.key");

    private string NextKeyPath => Path.Combine(directory, "swarm-node.key.next");

    /// <summary>There is a certificate: this manager belongs to a cluster.</summary>
    public bool Exist => File.Exists(CertificatePath);

    public void WriteRoot(ReadOnlySpan<byte> pem) => Write(RootPath, pem);

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
        Write(NextKeyPath, Encoding.UTF8.GetBytes(keyPem));
        Write(CertificatePath, certificatePem);
        File.Move(NextKeyPath, KeyPath, overwrite: true);
    }

    /// <summary>The certificate with its key.</summary>
    /// <exception cref="InvalidManagerCertificateException">They are missing or damaged.</exception>
    public X509Certificate2 Read()
    {
        try
        {
            var certificatePem = File.ReadAllText(CertificatePath);
            if (File.Exists(NextKeyPath))
            {
                if (Pair(certificatePem, NextKeyPath) is { } renewed)
                {
                    File.Move(NextKeyPath, KeyPath, overwrite: true);
                    return renewed;
                }
                File.Delete(NextKeyPath);
            }
            return Pair(certificatePem, KeyPath) ?? throw new InvalidManagerCertificateException($"{KeyPath} is not the key of {CertificatePath}");
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

    private static X509Certificate2? Pair(string certificatePem, string keyPath)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificatePem, File.ReadAllText(keyPath));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    private void Write(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
        var temporary = path + ".tmp";
        // A left-over of a crash might have another mode.
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}

/// <summary>The manager's own certificate is missing or damaged.</summary>
public sealed class InvalidManagerCertificateException(string message, Exception? inner = null) : Exception(message, inner);
