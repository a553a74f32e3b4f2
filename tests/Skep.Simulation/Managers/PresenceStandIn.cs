using Skep.Manager;
using Skep.State;

namespace Skep.Simulation.Managers;

/// <summary>
/// Until managers tell each other whose engine is where: what one manager reports as lost counts only if the engine has no session with any,
/// and whoever holds a session says so again when the state doubts it.
/// </summary>
internal sealed class PresenceStandIn
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly World _world;
    private readonly ManagerProcess _process;

    public PresenceStandIn(World world, ManagerProcess process)
    {
        _world = world;
        _process = process;
        process.Store.Subscribe(changes =>
        {
            foreach (var change in changes.OfType<NodeChange>().Where(c => c.New is { } node && IsDoubted(node) && IsHere(node.Id)))
                world.Loop.After(Retry / 10, () => world.Loop.Start(() => ArriveAsync(change.New!.Id)));
        });
    }

    public static bool IsFalseAlarm(World world, Input input) =>
        input is NodeLost lost && world.Agents.Any(a => a.NodeId == lost.NodeId && a.Session is { IsOpen: true });

    private async Task ArriveAsync(string nodeId)
    {
        while (_process.IsAlive && IsHere(nodeId) && _process.Store.Read(state => IsDoubted(state.Nodes[nodeId])))
        {
            try
            {
                await _process.Manager.SubmitAsync(new NodeArrived(nodeId, null, ""));
                return;
            }
            catch (ControlException)
            {
                await _world.Loop.Delay(Retry);
            }
        }
    }

    private bool IsHere(string nodeId) => _world.Agents.Any(a => a.NodeId == nodeId && a.Session is { IsOpen: true } session && session.Process == _process);

    private static bool IsDoubted(Wire.Node node) => node.Status.State != Wire.NodeStatus.Types.State.Ready;
}
