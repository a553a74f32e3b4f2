namespace Skep.Manager.Allocation;

/// <summary>Gives a service its virtual addresses and published ports. What it has and still wants it keeps.</summary>
internal static class EndpointAllocator
{
    /// <summary>The endpoint that the service should have; null for a service without networks and ports.</summary>
    /// <exception cref="AllocationException">Nothing was taken.</exception>
    public static Wire.Endpoint? Allocate(Wire.Service service, AllocationLedger ledger)
    {
        var spec = service.Spec.Endpoint;
        if (spec is null && NetworkKinds.Of(service.Spec).Count == 0)
            return null;
        var rollback = new List<Action>();
        try
        {
            var endpoint = new Wire.Endpoint { Spec = spec?.Clone() };
            endpoint.Ports.Add(ChoosePorts(service, ledger, rollback));
            if (spec?.Mode != Wire.EndpointSpec.Types.ResolutionMode.Dnsrr)
                endpoint.VirtualIps.Add(ChooseVirtualIps(service, ledger, rollback));
            return endpoint;
        }
        catch (AllocationException)
        {
            rollback.ForEach(undo => undo());
            throw;
        }
    }

    private static IEnumerable<Wire.Endpoint.Types.VirtualIP> ChooseVirtualIps(Wire.Service service, AllocationLedger ledger, List<Action> rollback)
    {
        var wanted = NetworkKinds.Of(service.Spec).Select(n => n.Target).Distinct().ToList();
        if (NetworkKinds.NeedsIngress(service.Spec))
            wanted.Insert(0, ledger.IngressId ?? throw new AllocationException("ingress network is missing"));
        var kept = (service.Endpoint?.VirtualIps ?? []).Where(v => wanted.Contains(v.NetworkId)).ToList();
        return [.. kept.Select(v => v.Clone()), .. wanted.Where(id => !kept.Exists(v => v.NetworkId == id)).Select(id => TakeVirtualIp(id, ledger, rollback))];
    }

    private static Wire.Endpoint.Types.VirtualIP TakeVirtualIp(string networkId, AllocationLedger ledger, List<Action> rollback)
    {
        var virtualIp = new Wire.Endpoint.Types.VirtualIP { NetworkId = networkId };
        // Node-local networks have no addresses here; stock lists them all the same.
        if (ledger.AddressesOf(networkId) is not { } addresses)
            return virtualIp;
        var address = addresses.TakeNext() ?? throw new AllocationException("could not find an available IP while allocating VIP");
        rollback.Add(() => addresses.Release(address));
        virtualIp.Addr = address;
        return virtualIp;
    }

    private static List<Wire.PortConfig> ChoosePorts(Wire.Service service, AllocationLedger ledger, List<Action> rollback)
    {
        var present = (service.Endpoint?.Ports ?? []).Where(IsIngress).ToList();
        var ports = (service.Spec.Endpoint?.Ports ?? []).Select(p => p.Clone()).ToList();
        // Ports with a number first, so that none of them is given away to a port without one.
        foreach (var port in ports.Where(p => IsIngress(p) && p.PublishedPort != 0))
        {
            present.RemoveAll(p => SameTarget(p, port) && p.PublishedPort == port.PublishedPort);
            if (IsOwn(service, port))
                continue;
            if (!ledger.PortsOf(port.Protocol).TryTake(port.PublishedPort))
                throw new AllocationException($"port '{port.PublishedPort}/{port.Protocol.ToString().ToLowerInvariant()}' is already in use");
            Undoable(port);
        }
        foreach (var port in ports.Where(p => IsIngress(p) && p.PublishedPort == 0))
        {
            var kept = present.Find(p => SameTarget(p, port) && !ports.Exists(o => IsIngress(o) && o.Protocol == p.Protocol && o.PublishedPort == p.PublishedPort));
            if (kept is not null)
            {
                present.Remove(kept);
                port.PublishedPort = kept.PublishedPort;
                continue;
            }
            if (!ledger.PortsOf(port.Protocol).TryTakeNext(out var number))
                throw new AllocationException("no dynamic port is available: all of 30000-32767 are in use");
            port.PublishedPort = (uint)number;
            Undoable(port);
        }
        return ports;

        void Undoable(Wire.PortConfig port)
        {
            var (protocol, number) = (port.Protocol, port.PublishedPort);
            rollback.Add(() => ledger.PortsOf(protocol).Release(number));
        }
    }

    private static bool IsIngress(Wire.PortConfig port) => port.PublishMode == Wire.PortConfig.Types.PublishMode.Ingress;

    private static bool IsOwn(Wire.Service service, Wire.PortConfig port) =>
        service.Endpoint is { } endpoint && endpoint.Ports.Any(p => IsIngress(p) && p.Protocol == port.Protocol && p.PublishedPort == port.PublishedPort);

    private static bool SameTarget(Wire.PortConfig a, Wire.PortConfig b) => a.Name == b.Name && a.Protocol == b.Protocol && a.TargetPort == b.TargetPort;
}
