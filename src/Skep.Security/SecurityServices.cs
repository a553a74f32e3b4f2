using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Skep.Manager;
using Skep.Security.Managers;

namespace Skep.Security;

/// <summary>Puts Security into the application that serves the cluster port.</summary>
public static class SecurityServices
{
    /// <summary>A signing request, a token and little else.</summary>
    private const int MaxMessageBytes = 64 * 1024;

    /// <summary>gRPC with every call checked, and the two CA services.</summary>
    /// <param name="services">Of the application; needs logging.</param>
    /// <param name="manager">The cluster.</param>
    /// <param name="certificate">What the port shows.</param>
    /// <param name="isRaftMember">By what is applied here.</param>
    /// <param name="time">The clock.</param>
    /// <returns>For the options of other services on the same port.</returns>
    public static IGrpcServerBuilder AddClusterSecurity(this IServiceCollection services, IManager manager, ManagerCertificate certificate, Func<ulong, bool> isRaftMember, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(manager);
        services.AddSingleton(new ClusterTrust(certificate, time));
        services.AddSingleton(certificate);
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<RefusalLog>(provider, time));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ClusterPort>(provider, time));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<CallAuthorization>(provider, manager));
        services.AddSingleton(_ => new CertificateSigner(certificate, time));
        services.AddSingleton(new CertificateAuthorityService(manager));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<NodeCertificateService>(provider, manager, time));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ManagersService>(provider, manager, isRaftMember, time));
        return services.AddGrpc(options => options.Interceptors.Add<CallAuthorization>())
            .AddServiceOptions<CertificateAuthorityService>(Limit)
            .AddServiceOptions<NodeCertificateService>(Limit)
            .AddServiceOptions<ManagersService>(Limit);
    }

    public static void MapClusterSecurity(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<CertificateAuthorityService>();
        endpoints.MapGrpcService<NodeCertificateService>();
        endpoints.MapGrpcService<ManagersService>();
    }

    private static void Limit<TService>(GrpcServiceOptions<TService> options) where TService : class =>
        options.MaxReceiveMessageSize = MaxMessageBytes;
}
