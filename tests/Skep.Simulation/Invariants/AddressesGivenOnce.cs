using Skep.State;

namespace Skep.Simulation.Invariants;

/// <summary>No address of a network belongs to two of: tasks that have not ended, services' virtual addresses, nodes' own addresses.</summary>
internal sealed class AddressesGivenOnce : IStateInvariant
{
    private readonly Dictionary<(string Network, string Address), string> _owners = [];

    public string Name => "no address is given twice";

    public string? Check(ClusterState state, IReadOnlyList<Change> changes)
    {
        // Within one batch an address may be freed and given again: first all that was freed.
        foreach (var change in changes)
        {
            foreach (var address in Held(change, old: true))
                _owners.Remove(address);
        }
        foreach (var change in changes)
        {
            var owner = OwnerOf(change);
            foreach (var address in Held(Latest(state, change), old: false))
            {
                if (!_owners.TryAdd(address, owner) && _owners[address] != owner)
                    return $"{address.Address} of network {address.Network} belongs to {_owners[address]} and to {owner}";
            }
        }
        return null;
    }

    // An object may have changed several times in the batch: what it holds at the end counts.
    private static Change Latest(ClusterState state, Change change) => change switch
    {
        TaskChange task => new TaskChange(task.Old, state.Tasks.Find(task.Either.Id)),
        ServiceChange service => new ServiceChange(service.Old, state.Services.GetValueOrDefault((service.New ?? service.Old)!.Id)),
        NodeChange node => new NodeChange(node.Old, state.Nodes.GetValueOrDefault((node.New ?? node.Old)!.Id)),
        _ => change,
    };

    private static string OwnerOf(Change change) => change switch
    {
        TaskChange task => $"task {task.Either.Id}",
        ServiceChange service => $"service {(service.New ?? service.Old)!.Id}",
        NodeChange node => $"node {(node.New ?? node.Old)!.Id}",
        _ => "",
    };

    private static IEnumerable<(string Network, string Address)> Held(Change change, bool old) => change switch
    {
        TaskChange task => (old ? task.Old : task.New) is { IsTerminal: false } holder
            ? holder.Attachments.SelectMany(a => a.Addresses.Select(address => (a.NetworkId, address)))
            : [],
        ServiceChange service => (old ? service.Old : service.New)?.Endpoint?.VirtualIps.Where(v => v.Addr.Length > 0).Select(v => (v.NetworkId, v.Addr)) ?? [],
        NodeChange node => (old ? node.Old : node.New)?.Attachments.SelectMany(a => a.Addresses.Select(address => (a.Network?.Id ?? "", address))) ?? [],
        _ => [],
    };
}
