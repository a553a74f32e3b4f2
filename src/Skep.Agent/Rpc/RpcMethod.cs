namespace Skep.Agent.Rpc;

/// <summary>The calls that a node makes, by their paths.</summary>
internal static class RpcMethod
{
    public const string GetRootCertificate = "/docker.swarmkit.v1.CA/GetRootCACertificate";
    public const string IssueNodeCertificate = "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate";
    public const string NodeCertificateStatus = "/docker.swarmkit.v1.NodeCA/NodeCertificateStatus";
    public const string Session = "/docker.swarmkit.v1.Dispatcher/Session";
    public const string Heartbeat = "/docker.swarmkit.v1.Dispatcher/Heartbeat";
    public const string Assignments = "/docker.swarmkit.v1.Dispatcher/Assignments";
    public const string UpdateTaskStatus = "/docker.swarmkit.v1.Dispatcher/UpdateTaskStatus";
    public const string ListenSubscriptions = "/docker.swarmkit.v1.LogBroker/ListenSubscriptions";
    public const string PublishLogs = "/docker.swarmkit.v1.LogBroker/PublishLogs";
}
