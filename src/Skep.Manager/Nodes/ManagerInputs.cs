using System.Buffers.Binary;
using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>
/// Managers join, stand by, catch up and leave. The state says who shall be a member of the Raft group; the leader's daemon makes the
/// group follow, one change at a time.
/// </summary>
internal static class ManagerInputs
{
    /// <summary>Raft groups beyond seven members gain nothing and commit more slowly (stock's advice too).</summary>
    public const int MaxMembers = 7;

    public static void Add(Turn turn, State.Manager manager)
    {
        if (turn.State.Cluster is null)
            throw new ControlException(ControlError.FailedPrecondition, "there is no cluster yet");
        if (turn.State.Managers.TryGetValue(manager.Id, out var present))
        {
            // Said again, since the answer was lost.
            if (present.RaftId == manager.RaftId)
                return;
            throw new ControlException(ControlError.AlreadyExists, $"manager {manager.Id} has joined already");
        }
        if (manager.IsMember)
            RequireRoom(turn.State);
        Put(turn, manager.Clone());
    }

    public static void Report(Turn turn, ManagerReport report) => Change(turn, report.Id, manager =>
    {
        if (report.NodeId.Length > 0)
            manager.NodeId = report.NodeId;
        if (report.Address.Length > 0)
            manager.Addr = report.Address;
        if (report.Run.Length > 0)
            manager.Begin(report.Run, report.Format);
    });

    public static void Certified(Turn turn, ManagerCertified certified)
    {
        Change(turn, certified.Id, manager => manager.TlsInfo = certified.TlsInfo.Clone());
        // A host without an engine is a node that says nothing: its skepd speaks for it.
        if (!turn.State.Nodes.TryGetValue(certified.Id, out var host) || certified.TlsInfo.Equals(host.Description?.TlsInfo))
            return;
        var node = host.Clone();
        node.Description ??= new Wire.NodeDescription();
        node.Description.TlsInfo = certified.TlsInfo.Clone();
        turn.Emit(new Mutation { PutNode = new PutNode { Node = node } });
    }

    public static void SetReachability(Turn turn, ManagerReachability reachability)
    {
        // It may have left while the leader watched it.
        if (turn.State.Managers.ContainsKey(reachability.Id))
            Change(turn, reachability.Id, manager => manager.Unreachable = !reachability.IsReachable);
    }

    public static void CaughtUp(Turn turn, string id)
    {
        if (turn.State.Managers.TryGetValue(id, out var present) && present.IsMember)
            Change(turn, id, manager => manager.Joining = false);
    }

    public static void Remove(Turn turn, string id)
    {
        if (!turn.State.Managers.TryGetValue(id, out var present))
            return;
        if (present.IsVoter)
            RequireQuorumWithout(turn.State, present);
        turn.Emit(new Mutation { RemoveManager = new RemoveObject { Id = id } });
    }

    /// <summary>A standby becomes a member, under a new Raft id: its old log is gone, and an id must never come back without its log.</summary>
    public static void Promote(Turn turn, State.Manager present)
    {
        RequireRoom(turn.State);
        Change(turn, present.Id, manager =>
        {
            manager.Standby = false;
            manager.Joining = true;
            manager.Unreachable = false;
            manager.RaftId = BinaryPrimitives.ReadUInt64LittleEndian(turn.Ids.NextBytes(8)) | 1;
        });
    }

    public static void Demote(Turn turn, State.Manager present)
    {
        if (present.IsVoter)
            RequireQuorumWithout(turn.State, present);
        Change(turn, present.Id, manager =>
        {
            manager.Standby = true;
            manager.Joining = false;
            manager.Unreachable = false;
        });
    }

    /// <summary>The other members are no managers any more. Hosts that stand by still do, and engines stay nodes.</summary>
    public static void ForceNewCluster(Turn turn, State.Manager self)
    {
        foreach (var other in turn.State.Managers.Values.Where(manager => manager.Id != self.Id && manager.IsMember).ToList())
        {
            turn.Emit(new Mutation { RemoveManager = new RemoveObject { Id = other.Id } });
            // Of a host without an engine nothing is left that could ever report.
            if (other.HostNodeId == other.Id && turn.State.Nodes.ContainsKey(other.Id))
                turn.Emit(new Mutation { SetNodeStatus = new SetNodeStatus { NodeId = other.Id, State = Wire.NodeStatus.Types.State.Down, Message = "its manager was left behind by a forced new cluster" } });
        }
        Put(turn, self.Clone());
    }

    private static void RequireRoom(ClusterState state)
    {
        if (state.Managers.Values.Count(manager => manager.IsMember) >= MaxMembers)
            throw new ControlException(ControlError.FailedPrecondition, $"the cluster has {MaxMembers} managers, and more would only make it slower: add the host as a worker");
    }

    private static void RequireQuorumWithout(ClusterState state, State.Manager leaving)
    {
        var others = state.Managers.Values.Where(manager => manager.IsVoter && manager.Id != leaving.Id).ToList();
        if (others.Count == 0)
            throw new ControlException(ControlError.FailedPrecondition, "attempting to demote the last manager of the swarm");
        if (others.Count(manager => !manager.Unreachable) < (others.Count / 2) + 1)
            throw new ControlException(ControlError.FailedPrecondition, "can't remove member from the raft: this would result in a loss of quorum");
    }

    private static void Change(Turn turn, string id, Action<State.Manager> change)
    {
        var present = turn.State.Managers.GetValueOrDefault(id) ?? throw new ControlException(ControlError.NotFound, $"manager {id} not found");
        var manager = present.Clone();
        change(manager);
        if (!manager.Equals(present))
            Put(turn, manager);
    }

    private static void Put(Turn turn, State.Manager manager) => turn.Emit(new Mutation { PutManager = new PutManager { Manager = manager } });
}
