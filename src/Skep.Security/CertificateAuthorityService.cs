using Google.Protobuf;
using Grpc.Core;
using Skep.Manager;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Security;

/// <summary>SwarmKit's CA service: hands out the root certificate.</summary>
/// <param name="manager">The cluster.</param>
public sealed class CertificateAuthorityService(IManager manager) : CA.CABase
{
    /// <summary>For anyone: a newcomer compares it with the digest in its join token.</summary>
    public override Task<GetRootCACertificateResponse> GetRootCACertificate(GetRootCACertificateRequest request, ServerCallContext context) =>
        Task.FromResult(new GetRootCACertificateResponse
        {
            Certificate = manager.Store.Read(state => state.Cluster?.RootCa.CaCert) ?? throw RpcErrors.NoCluster(),
        });

    /// <summary>For managers: with it one that joins locks its keys before they are first on its disk. Empty while autolock is off.</summary>
    public override Task<GetUnlockKeyResponse> GetUnlockKey(GetUnlockKeyRequest request, ServerCallContext context)
    {
        var cluster = manager.Store.Read(state => state.Cluster) ?? throw RpcErrors.NoCluster();
        return Task.FromResult(new GetUnlockKeyResponse { UnlockKey = UnsafeByteOperations.UnsafeWrap(UnlockKey.Of(cluster)), Version = cluster.Meta.Version.Clone() });
    }
}
