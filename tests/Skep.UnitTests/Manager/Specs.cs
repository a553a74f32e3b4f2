using Google.Protobuf.WellKnownTypes;

namespace Skep.UnitTests.Manager;

/// <summary>Service specs for tests.</summary>
internal static class Specs
{
    public static Wire.ServiceSpec Replicated(string name, ulong replicas, Action<Wire.ServiceSpec>? change = null)
    {
        var spec = Service(name);
        spec.Replicated = new Wire.ReplicatedService { Replicas = replicas };
        change?.Invoke(spec);
        return spec;
    }

    public static Wire.ServiceSpec Global(string name, Action<Wire.ServiceSpec>? change = null)
    {
        var spec = Service(name);
        spec.Global = new Wire.GlobalService();
        change?.Invoke(spec);
        return spec;
    }

    public static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));

    private static Wire.ServiceSpec Service(string name) => new()
    {
        Annotations = new Wire.Annotations { Name = name },
        Task = new Wire.TaskSpec { Container = new Wire.ContainerSpec { Image = "app:1" } },
    };
}

/// <summary>What an operator does to services.</summary>
internal static class HarnessServices
{
    public static string CreateService(this LoopHarness harness, Wire.ServiceSpec spec) =>
        harness.Call<Wire.CreateServiceResponse>(new Wire.CreateServiceRequest { Spec = spec }).Service.Id;

    /// <summary>docker service update, with whatever changes the spec.</summary>
    public static void UpdateService(this LoopHarness harness, string id, Action<Wire.ServiceSpec> change)
    {
        var service = harness.State.Services[id];
        var spec = service.Spec.Clone();
        change(spec);
        harness.Call<Wire.UpdateServiceResponse>(new Wire.UpdateServiceRequest { ServiceId = id, ServiceVersion = service.Meta.Version, Spec = spec });
    }

    public static void Scale(this LoopHarness harness, string id, ulong replicas) =>
        harness.UpdateService(id, spec => spec.Replicated.Replicas = replicas);

    public static void SetImage(this LoopHarness harness, string id, string image) =>
        harness.UpdateService(id, spec => spec.Task.Container.Image = image);

    public static void RemoveService(this LoopHarness harness, string id) =>
        harness.Call<Wire.RemoveServiceResponse>(new Wire.RemoveServiceRequest { ServiceId = id });

    public static string Image(this Skep.State.TaskRecord task) => task.Spec.Spec.Container.Image;
}
