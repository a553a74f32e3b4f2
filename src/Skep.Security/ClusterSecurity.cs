using Microsoft.Extensions.Logging;
using Skep.Manager;
using Skep.Rpc.Server;
using Skep.Security.Managers;
using Skep.Wire;

namespace Skep.Security;

/// <summary>What the cluster port needs of Security: who is let in, who may call what, and the services that hand out certificates.</summary>
/// <param name="manager">The cluster.</param>
/// <param name="certificate">What the port shows.</param>
/// <param name="isRaftMember">By what is applied here.</param>
/// <param name="time">The clock.</param>
/// <param name="loggers">For one line on each refusal.</param>
public sealed class ClusterSecurity(IManager manager, ManagerCertificate certificate, Func<ulong, bool> isRaftMember, TimeProvider time, ILoggerFactory loggers) : IDisposable
{
    /// <summary>A signing request, a token and little else.</summary>
    private const int MaxMessageBytes = 64 * 1024;

    private readonly RefusalLog _refusals = new(time, loggers.CreateLogger<RefusalLog>());
    private readonly ClusterTrust _trust = new(certificate, time);

    /// <summary>Signs what the services hand out.</summary>
    public CertificateSigner Signer { get; } = new(certificate, time);

    /// <summary>Adds the two CA services and that of the managers.</summary>
    public MethodTable AddTo(MethodTable methods)
    {
        ArgumentNullException.ThrowIfNull(methods);
        return methods
            .Add(binder => CA.BindService(binder, new CertificateAuthorityService(manager)), MaxMessageBytes)
            .Add(binder => NodeCA.BindService(binder, new NodeCertificateService(manager, Signer, time, _refusals, loggers.CreateLogger<NodeCertificateService>())), MaxMessageBytes)
            .Add(binder => Managers.Managers.BindService(binder, new ManagersService(manager, isRaftMember, Signer, time, _refusals, loggers.CreateLogger<ManagersService>())), MaxMessageBytes);
    }

    /// <summary>A server whose callers are let in by their certificates and whose calls are checked.</summary>
    /// <param name="listen">Where.</param>
    /// <param name="methods">What it offers.</param>
    public RpcServer Serve(System.Net.IPEndPoint listen, MethodTable methods)
    {
        var port = new ClusterPort(certificate, _trust, _refusals, loggers.CreateLogger<ClusterPort>(), time);
        var authorization = new CallAuthorization(_trust, manager, _refusals, loggers.CreateLogger<CallAuthorization>());
        // Whether a caller is still there is asked of the network, which knows real time only.
        return new RpcServer(listen, port.AdmitAsync, methods, authorization.AuthorizeAsync, TimeProvider.System, loggers.CreateLogger<RpcServer>());
    }

    public void Dispose() => Signer.Dispose();
}
