namespace Skep.Manager.Allocation;

/// <summary>The subnets that networks use, and the choice of a free one in the default address pools.</summary>
internal sealed class SubnetTable
{
    private static readonly string[] StockPool = ["10.0.0.0/8"];

    private readonly List<IpPrefix> _used = [];

    public void Clear() => _used.Clear();

    public bool Overlaps(IpPrefix subnet) => _used.Exists(subnet.Overlaps);

    public void Take(IpPrefix subnet)
    {
        var at = _used.FindIndex(u => u.First > subnet.First || (u.First == subnet.First && u.Bits >= subnet.Bits));
        if (at >= 0 && _used[at] == subnet)
            return;
        _used.Insert(at < 0 ? _used.Count : at, subnet);
    }

    public void Release(IpPrefix subnet) => _used.Remove(subnet);

    /// <summary>The lowest free subnet of the cluster's pools; not taken yet.</summary>
    public IpPrefix? FindFree(Wire.Cluster? cluster)
    {
        var pools = cluster is { DefaultAddressPool.Count: > 0 } ? cluster.DefaultAddressPool : (IEnumerable<string>)StockPool;
        var bits = cluster is { SubnetSize: > 0 } ? (int)cluster.SubnetSize : 24;
        foreach (var text in pools)
        {
            if (IpPrefix.TryParse(text, out var pool) && FindFree(pool, Math.Max(bits, pool.Bits)) is { } subnet)
                return subnet;
        }
        return null;
    }

    private IpPrefix? FindFree(IpPrefix pool, int bits)
    {
        var candidate = IpPrefix.Containing(pool.IsV6, pool.First, bits);
        // Used ones are sorted by their first address, so one pass finds the first gap that is large enough.
        foreach (var used in _used)
        {
            if (!used.Overlaps(candidate))
                continue;
            var next = used.Last + 1;
            if (used.Last >= pool.Last)
                return null;
            candidate = IpPrefix.Containing(pool.IsV6, next, bits);
            if (candidate.First < next)
                candidate = candidate with { First = candidate.First + candidate.Size };
        }
        return candidate.Last <= pool.Last && candidate.First >= pool.First ? candidate : null;
    }
}
