using System.IO.Hashing;
using Skep.Simulation.Managers;
using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>
/// Applied states are equal at equal index. Whoever applies an index first shows it to the witness, who applies the same entry to a state of his own;
/// everybody else must then apply the same entry at that index and come to the same state. That state never forgets: it is the truth
/// that what engines and clients are told is compared with.
/// </summary>
internal sealed class Witness(World world)
{
    private const string Invariant = "applied states are equal at equal index";

    private readonly List<(ulong Index, ulong Entry, ulong State)> _applied = [(0, 0, 0)];
    private readonly StateHash _hash = new();

    public ClusterState State { get; } = new();

    /// <summary>The last index with a batch that anybody has applied.</summary>
    public ulong Index => _applied[^1].Index;

    /// <summary>Called with the changes of each new batch.</summary>
    public List<IStateInvariant> Invariants { get; } = [];

    public void Applied(ManagerHost host, ulong index, ReadOnlyMemory<byte> entry, StateHash hash)
    {
        var entryHash = XxHash3.HashToUInt64(entry.Span);
        if (index > Index)
            Advance(index, entry, entryHash);
        var at = Find(index);
        if (at.Index != index)
            world.Loop.Fail(Invariant, $"{host.Name} applies an entry at {index}, where nobody else did (next below: {at.Index})");
        else if (at.Entry != entryHash)
            world.Loop.Fail(Invariant, $"{host.Name} applies another entry at {index} than others did");
        else if (at.State != hash.Value)
            world.Loop.Fail(Invariant, $"{host.Name} has another state at {index} than others had");
    }

    public void Restored(ManagerHost host, ulong index, StateHash hash)
    {
        var at = Find(index);
        if (at.State != hash.Value)
            world.Loop.Fail(Invariant, $"{host.Name} restored from a snapshot of {index} has another state than others had at {at.Index}");
    }

    /// <summary>Whether the followed hash is that of the whole state: every change was told to the subscribers.</summary>
    public void Captured(ManagerHost host, StateHash followed, ClusterState state)
    {
        var whole = new StateHash();
        whole.Reset(state);
        if (whole.Value != followed.Value)
            world.Loop.Fail("every change is told", $"{host.Name}: the state is not what its changes add up to");
    }

    private void Advance(ulong index, ReadOnlyMemory<byte> entry, ulong entryHash)
    {
        var changes = State.Apply(Batch.Parser.ParseFrom(entry.Span));
        _hash.Update(changes);
        _applied.Add((index, entryHash, _hash.Value));
        world.Trace.Note($"entry {index} is applied: {entryHash:x16} {_hash.Value:x16}");
        foreach (var change in changes.TakeWhile(_ => world.Trace.IsWritten))
            world.Trace.Write($"  {Describe(change)}");
        foreach (var invariant in Invariants)
        {
            if (invariant.Check(State, changes) is { } problem)
                world.Loop.Fail(invariant.Name, $"after entry {index}: {problem}");
        }
    }

    private static string Describe(Change change) => change switch
    {
        TaskChange { New: { } task } => $"task {task.Id} of {task.Spec.ServiceAnnotations.Name}.{task.Slot}: {task.State}, wanted {task.DesiredState}, on '{task.NodeId}', spec {task.Spec.Version}",
        TaskChange { Old: { } task } => $"task {task.Id} of {task.Spec.ServiceAnnotations.Name}.{task.Slot} is deleted",
        ServiceChange { New: { } service } => $"service {service.Spec.Annotations.Name}: spec {service.SpecVersion.Index}, replicas {service.Spec.Replicated?.Replicas}, update {service.UpdateStatus?.State} ({service.UpdateStatus?.Message})",
        ServiceChange { Old: { } service } => $"service {service.Spec.Annotations.Name} is removed",
        NodeChange { New: { } node } => $"node {node.Id}: {node.Status.State} ({node.Status.Message}), {node.Spec.Availability}",
        _ => change.GetType().Name,
    };

    // The last batch at or before an index.
    private (ulong Index, ulong Entry, ulong State) Find(ulong index)
    {
        int low = 0, high = _applied.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_applied[middle].Index <= index)
                low = middle;
            else
                high = middle - 1;
        }
        return _applied[low];
    }
}

/// <summary>Something that must hold after every committed batch.</summary>
internal interface IStateInvariant
{
    string Name { get; }

    /// <summary>What is wrong, or null. Looks only at what changed.</summary>
    string? Check(ClusterState state, IReadOnlyList<Change> changes);
}
