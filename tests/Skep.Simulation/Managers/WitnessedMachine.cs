using Skep.Log;

namespace Skep.Simulation.Managers;

/// <summary>Shows the witness what a member applies and what its state is then.</summary>
internal sealed class WitnessedMachine(World world, ManagerHost host, ManagerProcess process, IStateMachine machine) : IStateMachine
{
    public void Apply(ulong index, ReadOnlyMemory<byte> entry)
    {
        machine.Apply(index, entry);
        world.Witness.Applied(host, index, entry, process.Hash);
    }

    public void ApplyOwn(ulong index, ReadOnlyMemory<byte> entry, object note)
    {
        machine.ApplyOwn(index, entry, note);
        world.Witness.Applied(host, index, entry, process.Hash);
    }

    public ISnapshotWriter CaptureSnapshot()
    {
        process.Store.Read(state =>
        {
            world.Witness.Captured(host, process.Hash, state);
            return 0;
        });
        return machine.CaptureSnapshot();
    }

    public void Restore(ulong index, Stream snapshot)
    {
        machine.Restore(index, snapshot);
        world.Witness.Restored(host, index, process.Hash);
    }
}
