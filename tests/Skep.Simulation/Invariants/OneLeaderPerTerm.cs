using Skep.Log;
using Skep.Raft;
using Skep.Simulation.Managers;

namespace Skep.Simulation.Invariants;

/// <summary>No term has two leaders.</summary>
internal sealed class OneLeaderPerTerm(World world)
{
    private readonly Dictionary<ulong, ulong> _leaderOfTerm = [];

    /// <summary>Terms that had a leader so far.</summary>
    public int Count => _leaderOfTerm.Count;

    public void Look(ManagerHost host, ReplicaLoop loop)
    {
        if (loop.Role != Role.Leader)
            return;
        if (_leaderOfTerm.TryAdd(loop.Term, host.RaftId))
        {
            world.Trace.Note($"{host.Name} is elected in term {loop.Term}");
            world.Faults.Add("elections");
        }
        else if (_leaderOfTerm[loop.Term] != host.RaftId)
            world.Loop.Fail("one leader a term", $"term {loop.Term} has two leaders: {_leaderOfTerm[loop.Term]:x} and {host.RaftId:x} ({host.Name})");
    }
}
