using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Simulation.Clients;

/// <summary>Services of many kinds, by chance: replicated and global, with networks, ports, reservations and update settings.</summary>
internal static class ServiceSpecs
{
    public const string Born = "born";
    public const string Value = "value";

    /// <param name="network">The id of an overlay network that some are attached to.</param>
    public static Wire.ServiceSpec New(string name, int value, string network, Random random)
    {
        var spec = new Wire.ServiceSpec
        {
            Annotations = new Wire.Annotations { Name = name, Labels = { [Born] = Text(value), [Value] = Text(value) } },
            Task = new Wire.TaskSpec
            {
                Container = new Wire.ContainerSpec { Image = "app:1" },
                Resources = new Wire.ResourceRequirements { Reservations = new Wire.Resources { NanoCpus = random.Next(3) * 100_000_000L } },
                Restart = new Wire.RestartPolicy { Condition = Wire.RestartPolicy.Types.RestartCondition.Any, Delay = Seconds(random.Next(1, 6)) },
            },
            Update = new Wire.UpdateConfig
            {
                Parallelism = (ulong)random.Next(0, 3),
                Monitor = Seconds(random.Next(1, 5)),
                Order = random.Next(3) == 0 ? Wire.UpdateConfig.Types.UpdateOrder.StartFirst : Wire.UpdateConfig.Types.UpdateOrder.StopFirst,
                FailureAction = random.Next(2) == 0 ? Wire.UpdateConfig.Types.FailureAction.Continue : Wire.UpdateConfig.Types.FailureAction.Pause,
            },
            Endpoint = new Wire.EndpointSpec(),
        };
        if (random.Next(4) == 0)
            spec.Global = new Wire.GlobalService();
        else
            spec.Replicated = new Wire.ReplicatedService { Replicas = (ulong)random.Next(0, 8) };
        if (random.Next(2) == 0)
            spec.Task.Networks.Add(new Wire.NetworkAttachmentConfig { Target = network });
        if (random.Next(3) == 0)
            spec.Endpoint.Ports.Add(new Wire.PortConfig { TargetPort = 80, Protocol = Wire.PortConfig.Types.Protocol.Tcp });
        return spec;
    }

    public static Wire.ServiceSpec Changed(Wire.ServiceSpec present, int value, Random random)
    {
        var spec = present.Clone();
        spec.Annotations.Labels[Value] = Text(value);
        switch (random.Next(3))
        {
            case 0 when spec.Replicated is not null:
                spec.Replicated.Replicas = (ulong)random.Next(0, 8);
                break;
            case 1:
                spec.Task.Container.Image = $"app:{random.Next(2, 5)}";
                break;
            case 2:
                spec.Task.ForceUpdate++;
                break;
        }
        return spec;
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static Duration Seconds(int seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));
}
