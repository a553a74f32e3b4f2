using Grpc.Core;
using Skep.Security.External;

namespace Skep.Security;

/// <summary>Why a certificate is not signed, as the caller of a service hears it.</summary>
internal static class SigningRefusal
{
    /// <summary>Null: it is no refusal of <see cref="CertificateSigner"/>.</summary>
    public static Status? Of(Exception fault) => fault switch
    {
        InvalidSigningRequestException => new Status(StatusCode.InvalidArgument, fault.Message),
        InvalidRootException => new Status(StatusCode.Internal, $"the cluster's root CA cannot be used: {fault.Message}"),
        ExternalAuthorityException => new Status(StatusCode.Unavailable, fault.Message),
        _ => null,
    };
}
