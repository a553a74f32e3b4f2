using Google.Protobuf.Collections;
using Skep.State;

namespace Skep.Manager.Allocation;

/// <summary>
/// Who holds what of the cluster's subnets, VXLAN ids, addresses and published ports. All of it stands in the objects
/// themselves; this is the index over them, made from the state and then kept by every change.
/// </summary>
/// <param name="addressFreed">Called with the network's id.</param>
/// <param name="portFreed">Called when a published port became free.</param>
internal sealed class AllocationLedger(Action<string> addressFreed, Action portFreed)
{
    /// <summary>Below 4096 are 802.1Q's VLAN ids, which Windows engines do not tell apart from VXLAN ids.</summary>
    private const int FirstVxlanId = 4097;

    private const int LastVxlanId = (1 << 24) - 1;

    /// <summary>Stock's range for ports that nobody asked for by number.</summary>
    private const int FirstDynamicPort = 30_000;

    private const int LastDynamicPort = 32_767;

    private readonly Dictionary<string, NetworkAddresses> _networks = [];
    private readonly Dictionary<Wire.PortConfig.Types.Protocol, NumberPool> _ports = [];

    public SubnetTable Subnets { get; } = new();

    public NumberPool VxlanIds { get; private set; } = new(FirstVxlanId, LastVxlanId);

    /// <summary>The ingress network, once it is allocated.</summary>
    public string? IngressId { get; private set; }

    /// <summary>The addresses of an allocated overlay network; null for every other.</summary>
    public NetworkAddresses? AddressesOf(string networkId) => _networks.GetValueOrDefault(networkId);

    public NumberPool PortsOf(Wire.PortConfig.Types.Protocol protocol)
    {
        if (!_ports.TryGetValue(protocol, out var ports))
            _ports[protocol] = ports = new NumberPool(FirstDynamicPort, LastDynamicPort);
        return ports;
    }

    public void Rebuild(ClusterState state)
    {
        _networks.Clear();
        _ports.Clear();
        Subnets.Clear();
        VxlanIds = new NumberPool(FirstVxlanId, LastVxlanId);
        IngressId = null;
        foreach (var network in state.Networks.Values)
            UpdateNetwork(null, network);
        foreach (var service in state.Services.Values)
            UpdateService(null, service);
        foreach (var node in state.Nodes.Values)
            UpdateNode(null, node);
        foreach (var task in state.Tasks.All)
            UpdateTask(null, task);
        VxlanIds.GoOnAfterHighest();
        foreach (var ports in _ports.Values)
            ports.GoOnAfterHighest();
        foreach (var addresses in _networks.Values)
            addresses.GoOnAfterHighest();
    }

    public void Update(Change change)
    {
        switch (change)
        {
            case NetworkChange network: UpdateNetwork(network.Old, network.New); break;
            case ServiceChange service: UpdateService(service.Old, service.New); break;
            case NodeChange node: UpdateNode(node.Old, node.New); break;
            case TaskChange task: UpdateTask(task.Old, task.New); break;
        }
    }

    /// <summary>The VXLAN ids of an allocated network, one per IPv4 subnet.</summary>
    public static IEnumerable<uint> VxlanIdsOf(Wire.Driver? driver) =>
        (driver?.Options.GetValueOrDefault(NetworkAllocator.VxlanIdsOption) ?? "").Split(',').Select(text => uint.TryParse(text, out var id) ? id : 0).Where(id => id > 0);

    private void UpdateNetwork(Wire.Network? old, Wire.Network? network)
    {
        var was = old is not null && NetworkKinds.IsAllocatedOverlay(old);
        var isNow = network is not null && NetworkKinds.IsAllocatedOverlay(network);
        // Once allocated, a network keeps what it has.
        if (was == isNow)
            return;
        foreach (var config in (network ?? old)!.Ipam.Configs)
        {
            if (!IpPrefix.TryParse(config.Subnet, out var subnet))
                continue;
            if (isNow)
                Subnets.Take(subnet);
            else
                Subnets.Release(subnet);
        }
        foreach (var id in VxlanIdsOf((network ?? old)!.DriverState))
        {
            if (isNow)
                VxlanIds.TryTake(id);
            else
                VxlanIds.Release(id);
        }
        if (isNow)
        {
            _networks[network!.Id] = new NetworkAddresses(network.Ipam.Configs);
            if (NetworkKinds.IsIngress(network))
                IngressId = network.Id;
        }
        else
        {
            _networks.Remove(old!.Id);
            if (IngressId == old.Id)
                IngressId = null;
        }
    }

    private void UpdateService(Wire.Service? old, Wire.Service? service)
    {
        if (ReferenceEquals(old?.Endpoint, service?.Endpoint) || Equals(old?.Endpoint, service?.Endpoint))
            return;
        Exchange(
            old?.Endpoint?.VirtualIps.Where(v => v.Addr.Length > 0).Select(v => (v.NetworkId, v.Addr)),
            service?.Endpoint?.VirtualIps.Where(v => v.Addr.Length > 0).Select(v => (v.NetworkId, v.Addr)));
        var before = IngressPorts(old?.Endpoint);
        var after = IngressPorts(service?.Endpoint);
        foreach (var (protocol, port) in before.Except(after))
        {
            PortsOf(protocol).Release(port);
            portFreed();
        }
        foreach (var (protocol, port) in after.Except(before))
            PortsOf(protocol).TryTake(port);
    }

    private void UpdateNode(Wire.Node? old, Wire.Node? node)
    {
        if ((old?.Attachments.Count ?? 0) > 0 || (node?.Attachments.Count ?? 0) > 0)
            Exchange(AddressesOf(old?.Attachments), AddressesOf(node?.Attachments));
    }

    private void UpdateTask(TaskRecord? old, TaskRecord? task)
    {
        var before = Holds(old) ? old!.Attachments : [];
        var after = Holds(task) ? task!.Attachments : [];
        if (!ReferenceEquals(before, after) && before.Count + after.Count > 0)
            Exchange(AddressesOf(before), AddressesOf(after));
    }

    private void Exchange(IEnumerable<(string NetworkId, string Address)>? before, IEnumerable<(string NetworkId, string Address)>? after)
    {
        var old = before?.ToHashSet() ?? [];
        var now = after?.ToHashSet() ?? [];
        foreach (var (networkId, address) in old)
        {
            if (!now.Contains((networkId, address)) && AddressesOf(networkId) is { } addresses && addresses.Release(address))
                addressFreed(networkId);
        }
        foreach (var (networkId, address) in now)
        {
            // Taken already when the decision was made here; taken now when another leader made it.
            if (!old.Contains((networkId, address)))
                AddressesOf(networkId)?.Take(address, out _);
        }
    }

    // An ended task needs its addresses no more, though it is kept as history.
    private static bool Holds(TaskRecord? task) => task is { IsTerminal: false };

    private static IEnumerable<(string NetworkId, string Address)> AddressesOf(IReadOnlyList<Attachment> attachments) =>
        attachments.SelectMany(a => a.Addresses.Select(address => (a.NetworkId, address)));

    private static IEnumerable<(string NetworkId, string Address)>? AddressesOf(RepeatedField<Wire.NetworkAttachment>? attachments) =>
        attachments?.SelectMany(a => a.Addresses.Select(address => (a.Network?.Id ?? "", address)));

    private static HashSet<(Wire.PortConfig.Types.Protocol Protocol, uint Port)> IngressPorts(Wire.Endpoint? endpoint) =>
        endpoint is null ? [] : [.. endpoint.Ports.Where(p => p.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress).Select(p => (p.Protocol, p.PublishedPort))];
}
