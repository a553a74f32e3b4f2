namespace Skep.Manager.Allocation;

/// <summary>The addresses of one overlay network that tasks, services, nodes and gateways hold.</summary>
internal sealed class NetworkAddresses
{
    private readonly List<Pool> _pools = [];

    /// <param name="configs">One per subnet, with subnet and gateway filled in.</param>
    public NetworkAddresses(IEnumerable<Wire.IPAMConfig> configs)
    {
        foreach (var config in configs)
        {
            if (!IpPrefix.TryParse(config.Subnet, out var subnet))
                continue;
            var pool = new Pool(subnet, config.Range);
            foreach (var address in config.Reserved.Values.Append(config.Gateway))
            {
                if (IpPrefix.TryParseAddress(address, out var isV6, out var number) && isV6 == subnet.IsV6)
                    pool.Numbers.TryTake(number);
            }
            _pools.Add(pool);
        }
        // Engines of swarm mode expect one IPv4 address; IPv6 subnets are used by a network that has no others.
        _pools.Sort((a, b) => a.Subnet.IsV6.CompareTo(b.Subnet.IsV6));
    }

    /// <summary>A free address in CIDR notation; null when there is none.</summary>
    public string? TakeNext()
    {
        foreach (var pool in _pools)
        {
            if (pool.Numbers.TryTakeNext(out var number))
                return pool.Subnet.WithLength(number);
        }
        return null;
    }

    /// <summary>A certain address, given plain or in CIDR notation; null when it is taken or of no subnet of this network.</summary>
    public string? Take(string address, out bool isTaken)
    {
        isTaken = false;
        if (!TryFind(address, out var pool, out var number))
            return null;
        if (pool.Numbers.TryTake(number))
            return pool.Subnet.WithLength(number);
        isTaken = true;
        return null;
    }

    /// <summary>Frees an address; false when it was of no subnet of this network.</summary>
    public bool Release(string address)
    {
        if (!TryFind(address, out var pool, out var number))
            return false;
        pool.Numbers.Release(number);
        return true;
    }

    public void GoOnAfterHighest() => _pools.ForEach(p => p.Numbers.GoOnAfterHighest());

    private bool TryFind(string address, out Pool found, out UInt128 number)
    {
        found = null!;
        var slash = address.IndexOf('/', StringComparison.Ordinal);
        if (!IpPrefix.TryParseAddress(slash < 0 ? address : address[..slash], out var isV6, out number))
            return false;
        foreach (var pool in _pools)
        {
            if (pool.Subnet.IsV6 != isV6 || !pool.Subnet.Contains(number))
                continue;
            found = pool;
            return true;
        }
        return false;
    }

    private sealed class Pool
    {
        public Pool(IpPrefix subnet, string range)
        {
            Subnet = subnet;
            var window = IpPrefix.TryParse(range, out var asked) && asked.IsV6 == subnet.IsV6 && asked.Bits >= subnet.Bits && subnet.Contains(asked.First) ? asked : subnet;
            Numbers = new NumberPool(window.First, window.Last);
            // The network's own address and, in IPv4, the broadcast address; a point-to-point subnet (/31) has neither.
            if (subnet.IsV6 || subnet.Size > 2)
                Numbers.TryTake(subnet.First);
            if (!subnet.IsV6 && subnet.Size > 2)
                Numbers.TryTake(subnet.Last);
        }

        public IpPrefix Subnet { get; }

        public NumberPool Numbers { get; }
    }
}
