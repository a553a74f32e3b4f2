namespace Skep.Agent.Simulated;

/// <summary>The containers of one node, which are kept with those of all others: as fast as the node is, or stuck with it.</summary>
/// <param name="containers">Of all nodes.</param>
/// <param name="slowness">Its containers take so many times longer to start; 1 is usual.</param>
/// <param name="isStuck">It begins and ends nothing: its tasks stay as they are, though the node itself is well.</param>
public sealed class SimulatedEngine(SimulatedExecutor containers, double slowness, bool isStuck) : IExecutor
{
    public Outcome? Begin(Operation operation) => isStuck ? null : containers.Begin(operation, slowness);

    public void Remove(string taskId) => containers.Remove(taskId);
}
