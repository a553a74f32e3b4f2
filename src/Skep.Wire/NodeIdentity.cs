using System.Security.Cryptography.X509Certificates;

namespace Skep.Wire;

/// <summary>Who a certificate of the cluster says its holder is: CN = node id, OU = role, O = cluster id.</summary>
/// <param name="NodeId">The node, or the manager, it was issued to.</param>
/// <param name="Role">From OU: swarm-worker or swarm-manager.</param>
/// <param name="ClusterId">The cluster that issued it.</param>
public sealed record NodeIdentity(string NodeId, NodeRole Role, string ClusterId)
{
    public const string WorkerUnit = "swarm-worker";
    public const string ManagerUnit = "swarm-manager";
    public const string CaName = "swarm-ca";

    /// <summary>Reads the subject. Null when it is not a node certificate; says nothing about whether it is to be trusted.</summary>
    public static NodeIdentity? FromSubject(X500DistinguishedName subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string? cn = null, ou = null, o = null;
        foreach (var rdn in subject.EnumerateRelativeDistinguishedNames())
        {
            if (rdn.HasMultipleElements)
                return null;
            switch (rdn.GetSingleElementType().Value)
            {
                case "2.5.4.3": cn = rdn.GetSingleElementValue(); break;
                case "2.5.4.11": ou = rdn.GetSingleElementValue(); break;
                case "2.5.4.10": o = rdn.GetSingleElementValue(); break;
            }
        }
        NodeRole? role = ou switch { WorkerUnit => NodeRole.Worker, ManagerUnit => NodeRole.Manager, _ => null };
        return string.IsNullOrEmpty(cn) || string.IsNullOrEmpty(o) || role is null ? null : new NodeIdentity(cn, role.Value, o);
    }
}
