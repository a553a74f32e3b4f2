using Skep.Raft;

namespace Skep.Cli.Plan;

/// <summary>
/// One manager of a <see cref="CommitSimulation"/>: the real Raft core, driven in the order in which skepd's replica drives it. What promises nothing
/// about the disk is sent at once; while the disk works, nothing else is begun.
/// </summary>
internal sealed class SimulatedManager
{
    private readonly MemoryLog _log;
    private readonly CommitSimulation _simulation;
    private bool _isWriting;

    public SimulatedManager(ulong id, int site, IEnumerable<ulong> voters, int seed, CommitSimulation simulation)
    {
        (Id, Site, _simulation) = (id, site, simulation);
        _log = MemoryLog.Bootstrap(voters);
        Node = new RawNode(new RaftConfig { Id = id, Seed = seed + (int)id }, _log);
    }

    public ulong Id { get; }

    public int Site { get; }

    public RawNode Node { get; }

    public bool IsLeader => Node.SoftState.Role == Role.Leader;

    /// <summary>Does what the core asks for, until it asks for nothing or the disk works.</summary>
    public void Work()
    {
        while (!_isWriting && Node.HasReady)
        {
            var ready = Node.GetReady();
            _simulation.Send(this, ready.Messages.Where(m => !m.AwaitsPersistence));
            if (!ready.MustSync)
            {
                Finish(ready);
                continue;
            }
            _isWriting = true;
            _simulation.AfterSync(() =>
            {
                _isWriting = false;
                Finish(ready);
                Work();
            });
        }
    }

    private void Finish(Ready ready)
    {
        _log.Persist(ready);
        _simulation.Send(this, ready.Messages.Where(m => m.AwaitsPersistence));
        foreach (var entry in ready.CommittedEntries)
            _simulation.Applied(this, entry);
        Node.Advance(ready);
    }
}
