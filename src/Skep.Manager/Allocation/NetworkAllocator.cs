using System.Globalization;

namespace Skep.Manager.Allocation;

/// <summary>Gives a network its subnets, gateways and VXLAN ids.</summary>
internal static class NetworkAllocator
{
    /// <summary>Engines read a network's VXLAN ids from this option, one per IPv4 subnet, separated by commas.</summary>
    public const string VxlanIdsOption = "com.docker.network.driver.overlay.vxlanid_list";

    /// <summary>The network as it will be.</summary>
    /// <exception cref="AllocationException">Nothing was taken.</exception>
    public static Wire.Network Allocate(Wire.Network network, Wire.Cluster? cluster, AllocationLedger ledger)
    {
        var allocated = network.Clone();
        var driver = NetworkKinds.DriverOf(network);
        if (NetworkKinds.IsNodeLocalDriver(driver))
        {
            // Old engines do not expect an attachment without IPAM, so there is an empty one.
            allocated.DriverState = new Wire.Driver { Name = driver };
            allocated.Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver() };
            return allocated;
        }
        if (driver != NetworkKinds.Overlay)
            throw new AllocationException($"network driver {driver} not found");
        if (NetworkKinds.IsIngress(network) && ledger.IngressId is { } ingress)
            throw new AllocationException($"another ingress network is already present: {ingress}");
        allocated.Ipam = ChooseSubnets(network, cluster, ledger);
        allocated.DriverState = ChooseVxlanIds(network, allocated.Ipam, ledger);
        return allocated;
    }

    private static Wire.IPAMOptions ChooseSubnets(Wire.Network network, Wire.Cluster? cluster, AllocationLedger ledger)
    {
        var asked = network.Spec.Ipam;
        var ipam = new Wire.IPAMOptions { Driver = new Wire.Driver { Name = asked?.Driver?.Name is { Length: > 0 } name ? name : "default" } };
        ipam.Driver.Options.Add(asked?.Driver?.Options ?? []);
        if (asked is { Configs.Count: > 0 })
            ipam.Configs.Add(asked.Configs.Select(c => c.Clone()));
        else
            ipam.Configs.Add(new Wire.IPAMConfig { Family = Wire.IPAMConfig.Types.AddressFamily.Ipv4 });
        var chosen = new List<IpPrefix>();
        foreach (var config in ipam.Configs)
        {
            var subnet = ChooseSubnet(config, cluster, ledger);
            if (chosen.Exists(subnet.Overlaps))
                throw new AllocationException("invalid pool request: Pool overlaps with other one on this address space");
            chosen.Add(subnet);
            config.Subnet = subnet.ToString();
            if (config.Gateway.Length == 0)
                config.Gateway = ChooseGateway(config);
        }
        return ipam;
    }

    private static IpPrefix ChooseSubnet(Wire.IPAMConfig config, Wire.Cluster? cluster, AllocationLedger ledger)
    {
        if (config.Subnet.Length == 0)
            return ledger.Subnets.FindFree(cluster) ?? throw new AllocationException("all predefined address pools have been fully subnetted");
        if (!IpPrefix.TryParse(config.Subnet, out var subnet))
            throw new AllocationException($"invalid subnet {config.Subnet}");
        if (ledger.Subnets.Overlaps(subnet))
            throw new AllocationException("invalid pool request: Pool overlaps with other one on this address space");
        return subnet;
    }

    private static string ChooseGateway(Wire.IPAMConfig config)
    {
        var gateway = new NetworkAddresses([config]).TakeNext() ?? throw new AllocationException("no available IPv4 addresses on this network's address pools");
        return gateway[..gateway.IndexOf('/', StringComparison.Ordinal)];
    }

    private static Wire.Driver ChooseVxlanIds(Wire.Network network, Wire.IPAMOptions ipam, AllocationLedger ledger)
    {
        var asked = AllocationLedger.VxlanIdsOf(network.Spec.DriverConfig).ToList();
        var ids = new List<uint>();
        foreach (var config in ipam.Configs.Where(c => !c.Subnet.Contains(':', StringComparison.Ordinal)))
        {
            UInt128 id = ids.Count < asked.Count ? asked[ids.Count] : 0;
            if (id == 0 ? ledger.VxlanIds.TryTakeNext(out id) : ledger.VxlanIds.TryTake(id))
            {
                ids.Add((uint)id);
                continue;
            }
            ids.ForEach(taken => ledger.VxlanIds.Release(taken));
            throw new AllocationException(id == 0
                ? $"could not obtain vxlan id for pool {config.Subnet}: no bit available"
                : $"could not assign vxlan id {id} to pool {config.Subnet}: requested bit is already allocated");
        }
        var state = new Wire.Driver { Name = NetworkKinds.Overlay };
        state.Options.Add(network.Spec.DriverConfig?.Options ?? []);
        state.Options[VxlanIdsOption] = string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)));
        return state;
    }
}
