namespace Skep.Security;

/// <summary>Who may make a call on the cluster port.</summary>
public enum CallRole
{
    /// <summary>Only managers; what nobody listed is theirs.</summary>
    Manager,

    /// <summary>
    /// Managers by their certificates alone: a Raft member that lags does not know the newest managers yet, and only hears of them from them. The
    /// Raft core knows whom to believe what.
    /// </summary>
    RaftMember,

    /// <summary>Every node of the cluster.</summary>
    Node,

    /// <summary>Whoever comes: newcomers have no certificate yet. The call itself asks for a token.</summary>
    Anyone,
}

/// <summary>SwarmKit's table of roles: who may call what.</summary>
public static class CallRoles
{
    private const string Package = "/docker.swarmkit.v1.";

    private const string RaftPackage = "/skep.raft.v1.";

    private const string ManagersPackage = "/skep.managers.v1.";

    private static readonly Dictionary<string, CallRole> Services = new(StringComparer.Ordinal)
    {
        ["NodeCA"] = CallRole.Anyone,
        ["Dispatcher"] = CallRole.Node,
        ["LogBroker"] = CallRole.Node,
        ["ResourceAllocator"] = CallRole.Node,
    };

    /// <summary>The role that a call needs. A call that is not known here is for managers only.</summary>
    /// <param name="method">As gRPC writes it: /package.Service/Method.</param>
    public static CallRole Of(string method)
    {
        ArgumentNullException.ThrowIfNull(method);
        if (method is Package + "CA/GetRootCACertificate" or ManagersPackage + "Managers/Join")
            return CallRole.Anyone;
        if (method.StartsWith(RaftPackage, StringComparison.Ordinal))
            return CallRole.RaftMember;
        // The call itself lets only skepds of the cluster pass: managers, and those that stand by.
        if (method.StartsWith(ManagersPackage, StringComparison.Ordinal))
            return CallRole.Node;
        if (!method.StartsWith(Package, StringComparison.Ordinal) || method.IndexOf('/', Package.Length) is var end && end < 0)
            return CallRole.Manager;
        return Services.GetValueOrDefault(method[Package.Length..end], CallRole.Manager);
    }
}
