using Google.Protobuf;

namespace Skep.Manager;

/// <summary>Something that waits for the loop: an API write, a node's arrival, task statuses. Answered once what it caused is committed.</summary>
public abstract record Input
{
    /// <summary>
    /// It need not wait behind what thousands of engines say: few such come at a time, and somebody waits for what comes of each. It overtakes only what it does not
    /// rest on, since whoever sends it has seen what it rests on.
    /// </summary>
    public virtual bool GoesFirst => false;
}

/// <summary>An input whose answer is a <typeparamref name="TReply"/>; a refusal is a <see cref="ControlException"/>.</summary>
public abstract record Input<TReply> : Input;

/// <summary>A write of SwarmKit's control API: the request message decides what is done (CreateServiceRequest, UpdateNodeRequest, …).</summary>
public sealed record ControlCall(IMessage Request) : Input<IMessage>
{
    public override bool GoesFirst => true;
}

/// <summary>Makes the cluster: the first input of the first manager. Refused when there is a cluster.</summary>
/// <param name="Cluster">Complete: id, spec, root CA with join tokens, address pools, data path port.</param>
/// <param name="Manager">The manager that makes it.</param>
public sealed record InitCluster(Wire.Cluster Cluster, State.Manager Manager) : Input<None>;

/// <summary>
/// The first input of every term of leadership. The state learns which process leads, and so which sessions ended with an earlier
/// one; nodes whose sessions are with managers that live stay as they are.
/// </summary>
/// <param name="ManagerId">The new leader.</param>
/// <param name="Run">See <see cref="State.Manager.Run"/>.</param>
public sealed record LeadershipBegan(string ManagerId, string Run) : Input<None>
{
    /// <summary>Nothing may come before it.</summary>
    public override bool GoesFirst => true;
}

/// <summary>A skepd joins: as a standby, or as a member of the Raft group that still has to catch up.</summary>
public sealed record AddManager(State.Manager Manager) : Input<None>;

/// <summary>What a skepd says of itself.</summary>
/// <param name="Id">Which.</param>
/// <param name="NodeId">The node of its engine; empty: as before.</param>
/// <param name="Address">host:port; empty: as before.</param>
/// <param name="Run">See <see cref="State.Manager.Run"/>; empty: as before.</param>
/// <param name="Format">See <see cref="State.Manager.Format"/>; counts with a run, since it is the program's.</param>
public sealed record ManagerReport(string Id, string NodeId, string Address, string Run, uint Format) : Input<None>;

/// <summary>What a skepd trusts and who issued its certificate: said by itself when it begins and when it has renewed it.</summary>
/// <param name="Id">Which.</param>
/// <param name="TlsInfo">See <see cref="State.Manager.TlsInfo"/>.</param>
public sealed record ManagerCertified(string Id, Wire.NodeTLSInfo TlsInfo) : Input<None>;

/// <summary>The leader hears from a manager again, or no longer.</summary>
public sealed record ManagerReachability(string Id, bool IsReachable) : Input<None>;

/// <summary>A manager that joined has caught up and has its vote.</summary>
public sealed record ManagerCaughtUp(string Id) : Input<None>;

/// <summary>A skepd leaves the cluster for good. Its node stays, until docker node rm.</summary>
public sealed record RemoveManager(string Id) : Input<None>;

/// <summary>docker swarm init --force-new-cluster, or a start from a backup: this manager goes on alone.</summary>
/// <param name="Manager">The one that is left.</param>
public sealed record ForceNewCluster(State.Manager Manager) : Input<None>;

/// <summary>A certificate was signed, for a new node (then the node is created) or for one that renews.</summary>
/// <param name="NodeId">The certificate's CN.</param>
/// <param name="Certificate">Role, CSR, chain (PEM), status ISSUED, CN.</param>
/// <param name="Availability">Of a new node: what docker swarm join --availability said.</param>
public sealed record CertificateIssued(string NodeId, Wire.Certificate Certificate, Wire.NodeSpec.Types.Availability Availability) : Input<None>;

/// <summary>A manager's host has no engine: it is shown as a node that is always drained.</summary>
/// <param name="NodeId">The manager's own id.</param>
/// <param name="Hostname">Of the host.</param>
/// <param name="Address">The IP address that the manager advertises.</param>
public sealed record HostWithoutEngine(string NodeId, string Hostname, string Address) : Input<None>;

/// <summary>A node opened a session with some manager: it becomes READY, and an earlier session of it is over wherever it was.</summary>
/// <param name="NodeId">From its certificate.</param>
/// <param name="Description">What it said of itself; null: as before.</param>
/// <param name="Address">Its IP address as that manager sees it; empty: as before.</param>
/// <param name="Run">Of the manager that holds the session, see <see cref="State.Manager.Run"/>.</param>
/// <param name="SessionId">The session; empty (with Run): the recorded one stays.</param>
public sealed record NodeArrived(string NodeId, Wire.NodeDescription? Description, string Address, string Run = "", string SessionId = "") : Input<None>;

/// <summary>
/// A node that the state doubts (UNKNOWN or DOWN) does hold its session: its manager was out of reach for a while. Counts only
/// while that session is the recorded one; Unavailable while the leader itself does not reach that manager.
/// </summary>
/// <param name="NodeId">The node.</param>
/// <param name="SessionId">The session that lives.</param>
public sealed record NodeHeld(string NodeId, string SessionId) : Input<None>;

/// <summary>A node's heartbeats stopped: it is DOWN. Counts only while that session is the recorded one.</summary>
/// <param name="NodeId">The node.</param>
/// <param name="SessionId">The session that fell silent.</param>
/// <param name="Message">Why, as docker node inspect shows it.</param>
public sealed record NodeLost(string NodeId, string SessionId, string Message) : Input<None>;

/// <summary>What a node says of its tasks. Statuses of tasks that are not that node's, or that go backwards, are dropped.</summary>
public sealed record TaskStatusReport(string NodeId, IReadOnlyList<KeyValuePair<string, Wire.TaskStatus>> Statuses) : Input<None>;

/// <summary>What many nodes say of their tasks: one input for all that a manager gathered.</summary>
public sealed record TaskStatusReports(IReadOnlyList<TaskStatusReport> Reports) : Input<None>
{
    /// <summary>When it is short: those of small services, which managers do not gather with a burst's.</summary>
    public override bool GoesFirst => Reports.Sum(report => report.Statuses.Count) <= SmallServices.MaxTasks;
}

/// <summary>docker run --network OVERLAY on a node.</summary>
public sealed record AttachNetwork(string NodeId, Wire.NetworkAttachmentConfig Config, string ContainerId) : Input<string>
{
    public override bool GoesFirst => true;
}

/// <summary>The container of an attachment is gone.</summary>
public sealed record DetachNetwork(string NodeId, string AttachmentId) : Input<None>
{
    public override bool GoesFirst => true;
}

/// <summary>The answer of an input that only has to be done.</summary>
public readonly record struct None;
