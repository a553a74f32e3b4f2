using Skep.State;

namespace Skep.Manager.Allocation;

/// <summary>The networks that a new cluster has: ingress, and the names host and bridge for what every node has of itself.</summary>
internal static class DefaultNetworks
{
    // Specs as SwarmKit makes them: what is left empty is chosen when the network is allocated.
    public static void CreateIngress(Turn turn)
    {
        if (turn.State.Networks.Values.Any(NetworkKinds.IsIngress))
            return;
        Put(turn, new Wire.NetworkSpec
        {
            Ingress = true,
            Annotations = new Wire.Annotations { Name = "ingress" },
            DriverConfig = new Wire.Driver(),
            Ipam = new Wire.IPAMOptions { Driver = new Wire.Driver() },
        });
    }

    public static void CreatePredefined(Turn turn)
    {
        foreach (var name in new[] { "bridge", "host" })
        {
            if (turn.State.Networks.Values.Any(n => NetworkKinds.IsPredefined(n) && n.Spec.Annotations.Name == name))
                continue;
            Put(turn, new Wire.NetworkSpec
            {
                Annotations = new Wire.Annotations { Name = name, Labels = { [NetworkKinds.PredefinedLabel] = "true" } },
                DriverConfig = new Wire.Driver { Name = name },
            });
        }
    }

    private static void Put(Turn turn, Wire.NetworkSpec spec) =>
        turn.Emit(new Mutation { PutNetwork = new PutNetwork { Network = new Wire.Network { Id = turn.Ids.NextId(), Spec = spec } } });
}
