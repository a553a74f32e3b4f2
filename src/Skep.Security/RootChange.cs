using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Security.External;
using Skep.Wire;

namespace Skep.Security;

/// <summary>
/// What becomes of the cluster's root CA by an update: nothing, another key for it, a rotation to another root, the end of a
/// rotation. SwarmKit's rules and words.
/// </summary>
/// <param name="certificate">This manager's: it is shown to external CAs.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Why an external CA does not count.</param>
public sealed class RootChange(ManagerCertificate certificate, TimeProvider time, ILogger<RootChange> logger) : IDisposable
{
    private const int MinYears = 1;

    private readonly ExternalAuthority _external = new(certificate, time);

    /// <summary>Works it out.</summary>
    /// <param name="present">The cluster.</param>
    /// <param name="wanted">What its spec shall say of the CA.</param>
    /// <param name="cancellation">Ends the wait for external CAs.</param>
    /// <exception cref="ControlException">InvalidArgument, or Internal: the roots cannot be linked.</exception>
    public async Task<RootCA> PrepareAsync(Cluster present, CAConfig wanted, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(wanted);
        var root = present.RootCa;
        var current = PemCertificates.Normalize(root.CaCert);
        var desired = PemCertificates.Normalize(wanted.SigningCaCert);
        if (desired.IsEmpty && !wanted.SigningCaCert.IsEmpty)
            throw Invalid("no valid root CA certificates found");
        if (desired.IsEmpty && !wanted.SigningCaKey.IsEmpty)
            throw Invalid("if a signing CA key is provided, the signing CA cert must also be provided");
        IReadOnlyList<string> presentUrls = [];
        if (root.CaKey.IsEmpty)
        {
            if (desired.Equals(current) && !wanted.SigningCaKey.IsEmpty)
            {
                using var own = Load(desired, wanted.SigningCaKey);
                return Keep(root, wanted);
            }
            presentUrls = await RequireExternalAsync(wanted, root, current, "current", cancellation).ConfigureAwait(false);
        }
        if (!desired.IsEmpty)
            return await ReplaceAsync(root, wanted, current, desired, presentUrls, cancellation).ConfigureAwait(false);
        if (root.LastForcedRotation != wanted.ForceRotate)
        {
            using var made = RootCertificateAuthority.Create(time.GetUtcNow());
            return Rotate(root, wanted, made.CertificatePem, made.KeyPem, await LinkAsync(root, made, presentUrls, cancellation).ConfigureAwait(false));
        }
        if (root.RootRotation is { CaKey.IsEmpty: true } rotation)
            await RequireExternalAsync(wanted, root, rotation.CaCert, "next", cancellation).ConfigureAwait(false);
        return root;
    }

    public void Dispose() => _external.Dispose();

    /// <summary>To a root that the user brings along, with its key or with an external CA that has it.</summary>
    private async Task<RootCA> ReplaceAsync(RootCA root, CAConfig wanted, ByteString current, ByteString desired, IReadOnlyList<string> presentUrls, CancellationToken cancellation)
    {
        var isExternal = wanted.SigningCaKey.IsEmpty;
        using var given = isExternal ? null : Load(desired, wanted.SigningCaKey);
        using var next = given?.Certificate ?? Refused(() => RootCertificateAuthority.LoadCertificate(desired));
        if (next.NotAfter < time.GetUtcNow().AddYears(MinYears))
            throw Invalid("CA certificate expires too soon");
        if (next.NotBefore > time.GetUtcNow())
            throw Invalid("error while validating Root CA Certificate: certificate has expired or is not yet valid");
        if (isExternal)
            await RequireExternalAsync(wanted, root, desired, "desired", cancellation).ConfigureAwait(false);
        if (desired.Equals(current))
            return Keep(root, wanted);
        using var present = Refused(() => RootCertificateAuthority.LoadCertificate(current));
        if (RootCertificateAuthority.ConflictOf(present, next) is { } conflict)
            throw Invalid(conflict);
        if (root.RootRotation is { } rotation && PemCertificates.Normalize(rotation.CaCert).Equals(desired))
            return Rotate(root, wanted, rotation.CaCert, wanted.SigningCaKey, rotation.CrossSignedCaCert);
        if (given is not null)
            return Rotate(root, wanted, desired, wanted.SigningCaKey, await LinkAsync(root, given, presentUrls, cancellation).ConfigureAwait(false));
        if (root.CaKey.IsEmpty)
            throw Invalid("rotating from one external CA to a different external CA is not supported");
        using var own = Load(root.CaCert, root.CaKey);
        return Rotate(root, wanted, desired, ByteString.Empty, own.CrossSign(next));
    }

    /// <summary>The next root as the present one signs it.</summary>
    private async Task<ByteString> LinkAsync(RootCA root, RootCertificateAuthority next, IReadOnlyList<string> presentUrls, CancellationToken cancellation)
    {
        try
        {
            if (root.CaKey.IsEmpty)
                return await _external.CrossSignAsync(presentUrls, root.CaCert, next, cancellation).ConfigureAwait(false);
            using var own = RootCertificateAuthority.Load(root.CaCert, root.CaKey);
            return own.CrossSign(next.Certificate);
        }
        catch (Exception e) when (e is ExternalAuthorityException or InvalidRootException)
        {
            logger.LogError(e, "the next root CA could not be signed by the present one: {Reason}", e.Message);
            throw new ControlException(ControlError.Internal, "unable to generate a cross-signed certificate for root rotation");
        }
    }

    /// <summary>The external CAs of a root, at least one of which can be reached.</summary>
    private async Task<IReadOnlyList<string>> RequireExternalAsync(CAConfig wanted, RootCA root, ByteString rootPem, string which, CancellationToken cancellation)
    {
        var urls = IssuingRoot.UrlsOf(wanted, root.CaCert, rootPem);
        foreach (var url in urls)
        {
            if (await _external.FlawAsync(url, rootPem, cancellation).ConfigureAwait(false) is not { } flaw)
                return urls;
            logger.LogWarning("the external CA {Url} is unreachable or invalid: {Reason}", url, flaw);
        }
        throw Invalid($"there must be at least one valid, reachable external CA corresponding to the {which} CA certificate");
    }

    /// <summary>The same root, perhaps with its key now or without it; a rotation that was under way is off.</summary>
    private static RootCA Keep(RootCA root, CAConfig wanted)
    {
        var kept = root.Clone();
        kept.CaKey = wanted.SigningCaKey;
        kept.RootRotation = null;
        kept.LastForcedRotation = wanted.ForceRotate;
        return kept;
    }

    private static RootCA Rotate(RootCA root, CAConfig wanted, ByteString certificatePem, ByteString keyPem, ByteString crossSignedPem)
    {
        var rotating = root.Clone();
        rotating.RootRotation = new RootRotation { CaCert = certificatePem, CaKey = keyPem, CrossSignedCaCert = crossSignedPem };
        rotating.LastForcedRotation = wanted.ForceRotate;
        return rotating;
    }

    private static RootCertificateAuthority Load(ByteString certificatePem, ByteString keyPem) =>
        Refused(() => RootCertificateAuthority.Load(certificatePem, keyPem));

    private static T Refused<T>(Func<T> load)
    {
        try
        {
            return load();
        }
        catch (InvalidRootException e)
        {
            throw Invalid(e.Message);
        }
    }

    private static ControlException Invalid(string message) => new(ControlError.InvalidArgument, message);
}
