using Google.Protobuf;

namespace Skep.Manager;

/// <summary>Something that waits for the loop: an API write, a node's arrival, task statuses. Answered once what it caused is committed.</summary>
public abstract record Input;

/// <summary>An input whose answer is a <typeparamref name="TReply"/>; a refusal is a <see cref="ControlException"/>.</summary>
public abstract record Input<TReply> : Input;

/// <summary>A write of SwarmKit's control API: the request message decides what is done (CreateServiceRequest, UpdateNodeRequest, …).</summary>
public sealed record ControlCall(IMessage Request) : Input<IMessage>;

/// <summary>Makes the cluster: the first input of the first manager. Refused when there is a cluster.</summary>
/// <param name="Cluster">Complete: id, spec, root CA with join tokens, address pools, data path port.</param>
/// <param name="Manager">The manager that makes it.</param>
public sealed record InitCluster(Wire.Cluster Cluster, State.Manager Manager) : Input<None>;

/// <summary>
/// The first input of every term of leadership: the new leader has heard of no node yet, so none counts as READY until it (or the
/// manager that holds its session) has said so again. Tasks on them are kept; who does not come back in time is reported as
/// <see cref="NodeLost"/>.
/// </summary>
/// <param name="ManagerId">The new leader.</param>
/// <param name="Run">See <see cref="State.Manager.Run"/>.</param>
public sealed record LeadershipBegan(string ManagerId, string Run) : Input<None>;

/// <summary>Adds or changes a manager: its address, or the node it stands on.</summary>
public sealed record RegisterManager(State.Manager Manager) : Input<None>;

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

/// <summary>A node opened a session: it becomes READY.</summary>
/// <param name="NodeId">From its certificate.</param>
/// <param name="Description">What it said of itself; null: as before.</param>
/// <param name="Address">Its IP address as this manager sees it; empty: as before.</param>
public sealed record NodeArrived(string NodeId, Wire.NodeDescription? Description, string Address) : Input<None>;

/// <summary>A node's heartbeats stopped: it is DOWN.</summary>
/// <param name="NodeId">The node.</param>
/// <param name="Message">Why, as docker node inspect shows it.</param>
public sealed record NodeLost(string NodeId, string Message) : Input<None>;

/// <summary>What a node says of its tasks. Statuses of tasks that are not that node's, or that go backwards, are dropped.</summary>
public sealed record TaskStatusReport(string NodeId, IReadOnlyList<KeyValuePair<string, Wire.TaskStatus>> Statuses) : Input<None>;

/// <summary>docker run --network OVERLAY on a node.</summary>
public sealed record AttachNetwork(string NodeId, Wire.NetworkAttachmentConfig Config, string ContainerId) : Input<string>;

/// <summary>The container of an attachment is gone.</summary>
public sealed record DetachNetwork(string NodeId, string AttachmentId) : Input<None>;

/// <summary>The answer of an input that only has to be done.</summary>
public readonly record struct None;
