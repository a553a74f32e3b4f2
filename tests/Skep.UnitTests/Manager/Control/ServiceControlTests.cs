using Skep.Manager;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Manager.Control;

public sealed class ServiceControlTests
{
    private readonly LoopHarness _harness = new(() => []);

    [Fact]
    public void A_created_service_is_answered_as_it_is_in_the_state()
    {
        var spec = Specs.Replicated("web", 2);
        var service = _harness.Call<Wire.CreateServiceResponse>(new Wire.CreateServiceRequest { Spec = spec }).Service;
        Assert.Equal(25, service.Id.Length);
        Assert.Same(_harness.State.Services[service.Id], service);
        Assert.Equal(spec, service.Spec);
        Assert.NotSame(spec, service.Spec);
        Assert.Equal(service.Meta.Version, service.SpecVersion);
        Assert.Null(service.UpdateStatus);
    }

    [Fact]
    public void A_name_is_taken_once_whatever_its_case()
    {
        _harness.CreateService(Specs.Replicated("web", 1));
        Refused(ControlError.AlreadyExists, "name conflicts with an existing object: service WEB already exists", () => _harness.CreateService(Specs.Replicated("WEB", 1)));
    }

    [Fact]
    public void An_update_keeps_the_previous_spec_and_forgets_the_last_updates_status()
    {
        var id = _harness.CreateService(Specs.Replicated("web", 1));
        var before = _harness.State.Services[id];
        var withStatus = before.Clone();
        withStatus.UpdateStatus = new Wire.UpdateStatus { State = Wire.UpdateStatus.Types.UpdateState.Paused };
        _harness.Emit(new Mutation { PutService = new PutService { Service = withStatus } });
        _harness.SetImage(id, "app:2");
        var after = _harness.State.Services[id];
        Assert.Equal(before.Spec, after.PreviousSpec);
        Assert.Equal(before.SpecVersion, after.PreviousSpecVersion);
        Assert.Equal("app:2", after.Spec.Task.Container.Image);
        Assert.Equal(after.Meta.Version, after.SpecVersion);
        Assert.Null(after.UpdateStatus);
        Assert.Equal("app:1", before.Spec.Task.Container.Image);
    }

    [Fact]
    public void An_update_of_what_somebody_else_has_changed_meanwhile_is_refused()
    {
        var id = _harness.CreateService(Specs.Replicated("web", 1));
        var seen = _harness.State.Services[id];
        _harness.Scale(id, 2);
        Refused(ControlError.OutOfSequence, "update out of sequence", () => Update(seen, seen.Spec));
        Assert.Equal(2UL, _harness.State.Services[id].Spec.Replicated.Replicas);
    }

    [Fact]
    public void A_rollback_swaps_the_specs_and_their_versions()
    {
        var id = _harness.CreateService(Specs.Replicated("web", 1));
        _harness.SetImage(id, "app:2");
        var before = _harness.State.Services[id];
        var after = Update(before, before.Spec, Wire.UpdateServiceRequest.Types.Rollback.Previous);
        Assert.Equal((before.PreviousSpec, before.PreviousSpecVersion), (after.Spec, after.SpecVersion));
        Assert.Equal((before.Spec, before.SpecVersion), (after.PreviousSpec, after.PreviousSpecVersion));
        Assert.Equal("manually requested rollback", after.UpdateStatus.Message);
    }

    [Fact]
    public void There_is_nothing_to_roll_back_to_before_the_first_update()
    {
        var id = _harness.CreateService(Specs.Replicated("web", 1));
        var service = _harness.State.Services[id];
        Refused(ControlError.FailedPrecondition, $"service {id} does not have a previous spec",
            () => Update(service, service.Spec, Wire.UpdateServiceRequest.Types.Rollback.Previous));
    }

    [Fact]
    public void Mode_and_name_cannot_be_changed()
    {
        var id = _harness.CreateService(Specs.Replicated("web", 1));
        var service = _harness.State.Services[id];
        Refused(ControlError.Unimplemented, "service mode change is not allowed", () => Update(service, Specs.Global("web")));
        Refused(ControlError.Unimplemented, "renaming services is not supported", () => Update(service, Specs.Replicated("app", 1)));
    }

    [Fact]
    public void What_is_not_there_is_not_found()
    {
        var missing = new Wire.Service { Id = "missing", Meta = new Wire.Meta { Version = new Wire.Version { Index = 1 } } };
        Refused(ControlError.NotFound, "service missing not found", () => Update(missing, Specs.Replicated("web", 1)));
        Refused(ControlError.NotFound, "service missing not found", () => _harness.RemoveService("missing"));
        Refused(ControlError.InvalidArgument, "invalid argument", () => _harness.RemoveService(""));
        Refused(ControlError.NotFound, "task missing not found", () => _harness.Call<Wire.RemoveTaskResponse>(new Wire.RemoveTaskRequest { TaskId = "missing" }));
    }

    public static TheoryData<string, Action<Wire.ServiceSpec>> Malformed => new()
    {
        { "meta: name must be provided", s => s.Annotations.Name = "" },
        { "name must be valid as a DNS name component", s => s.Annotations.Name = "web.1" },
        { "name must be valid as a DNS name component", s => s.Annotations.Name = "web-" },
        { "name must be 63 characters or fewer", s => s.Annotations.Name = new string('a', 64) },
        { "TaskSpec: missing runtime", s => s.Task.ClearRuntime() },
        { "ContainerSpec: image reference must be provided", s => s.Task.Container.Image = "" },
        { "ContainerSpec: \"App\" is not a valid repository/tag", s => s.Task.Container.Image = "App" },
        { "ContainerSpec: duplicate mount point: /data", s => s.Task.Container.Mounts.Add([new Wire.Mount { Target = "/data" }, new Wire.Mount { Target = "/data" }]) },
        { "ContainerSpec: Interval in HealthConfig cannot be less than 1ms", s => s.Task.Container.Healthcheck = new Wire.HealthConfig { Interval = Specs.Seconds(0.0001) } },
        { "ContainerSpec: Retries in HealthConfig cannot be negative", s => s.Task.Container.Healthcheck = new Wire.HealthConfig { Retries = -1 } },
        { "invalid cpu value 0.0005: Must be at least 0.001", s => s.Task.Resources = new Wire.ResourceRequirements { Limits = new Wire.Resources { NanoCpus = 500_000 } } },
        { "invalid cpu value 1e-09: Must be at least 0.001", s => s.Task.Resources = new Wire.ResourceRequirements { Limits = new Wire.Resources { NanoCpus = 1 } } },
        { "invalid memory value 1024: Must be at least 4MiB", s => s.Task.Resources = new Wire.ResourceRequirements { Reservations = new Wire.Resources { MemoryBytes = 1024 } } },
        { "TaskSpec: restart-delay cannot be negative", s => s.Task.Restart = new Wire.RestartPolicy { Delay = Specs.Seconds(-1) } },
        { "TaskSpec: restart-window cannot be negative", s => s.Task.Restart = new Wire.RestartPolicy { Window = Specs.Seconds(-1) } },
        { "constraint expected one operator from ==, !=", s => s.Task.Placement = new Wire.Placement { Constraints = { "node.id" } } },
        { "malformed secret reference", s => s.Task.Container.Secrets.Add(new Wire.SecretReference()) },
        { "malformed secret reference, no target provided", s => s.Task.Container.Secrets.Add(new Wire.SecretReference { SecretId = "1", SecretName = "a" }) },
        { "secret references 'a' and 'b' have a conflicting target: 'f'", s => s.Task.Container.Secrets.Add([Secret("a", "f"), Secret("b", "f")]) },
        { "malformed file config reference, invalid target file name provided", s => s.Task.Container.Configs.Add(Config("a", "")) },
        { "config references 'a' and 'b' have a conflicting target: 'f'", s => s.Task.Container.Configs.Add([Config("a", "f"), Config("b", "f")]) },
        { "CredentialSpec references config 'x', but that config isn't in config references with RuntimeTarget", s => s.Task.Container.Privileges = new Wire.Privileges { CredentialSpec = new Wire.Privileges.Types.CredentialSpec { Config = "x" } } },
        { "secret not found: a", s => s.Task.Container.Secrets.Add(Secret("a", "f")) },
        { "secrets not found: a, b", s => s.Task.Container.Secrets.Add([Secret("a", "f"), Secret("b", "g")]) },
        { "config not found: a", s => s.Task.Container.Configs.Add(Config("a", "f")) },
        { "TaskSpec: update-delay cannot be negative", s => s.Update = new Wire.UpdateConfig { Delay = Specs.Seconds(-1) } },
        { "TaskSpec: update-monitor cannot be negative", s => s.Update = new Wire.UpdateConfig { Monitor = Specs.Seconds(-1) } },
        { "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1", s => s.Update = new Wire.UpdateConfig { MaxFailureRatio = 1.5f } },
        { "EndpointSpec: duplicate published ports provided", s => s.Endpoint = new Wire.EndpointSpec { Ports = { Port(80, host: true), Port(80, host: true) } } },
        { "EndpointSpec: port published with ingress mode can't be used with dnsrr mode", s => s.Endpoint = new Wire.EndpointSpec { Mode = Wire.EndpointSpec.Types.ResolutionMode.Dnsrr, Ports = { Port(80) } } },
        { "Number of replicas must be non-negative", s => s.Replicated.Replicas = ulong.MaxValue },
        { "Unrecognized service mode", s => s.ClearMode() },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_spec_is_refused_in_the_stock_managers_words(string message, Action<Wire.ServiceSpec> change)
    {
        Refused(ControlError.InvalidArgument, message, () => _harness.CreateService(Specs.Replicated("web", 1, change)));
        Assert.Empty(_harness.State.Services);
    }

    [Fact]
    public void Jobs_are_refused_clearly()
    {
        Refused(ControlError.Unimplemented, "services in the modes replicated-job and global-job are not supported by this manager yet",
            () => _harness.CreateService(Specs.Replicated("job", 1, s => s.ReplicatedJob = new Wire.ReplicatedJob())));
    }

    [Fact]
    public void Networks_must_be_there_and_not_be_the_ingress_network()
    {
        Refused(ControlError.NotFound, "network nowhere not found", () => _harness.CreateService(WithNetwork("nowhere")));
        PutNetwork("mesh", ingress: true);
        PutNetwork("back", ingress: false);
        Refused(ControlError.InvalidArgument, "Service cannot be explicitly attached to the ingress network \"mesh\"", () => _harness.CreateService(WithNetwork("mesh")));
        _harness.CreateService(WithNetwork("back"));

        static Wire.ServiceSpec WithNetwork(string id) => Specs.Replicated("web", 1, s => s.Task.Networks.Add(new Wire.NetworkAttachmentConfig { Target = id }));
    }

    [Fact]
    public void Ports_published_in_ingress_mode_need_an_ingress_network()
    {
        Refused(ControlError.FailedPrecondition, "service needs ingress network, but no ingress network is present", () => _harness.CreateService(Publishing("web", Port(80))));
    }

    [Fact]
    public void A_published_port_leads_to_one_service()
    {
        PutNetwork("mesh", ingress: true);
        var web = _harness.CreateService(Publishing("web", Port(80)));
        var host = _harness.CreateService(Publishing("host", Port(9000, host: true)));
        Refused(ControlError.InvalidArgument, $"port '80' is already in use by service 'web' ({web}) as an ingress port", () => _harness.CreateService(Publishing("other", Port(80))));
        Refused(ControlError.InvalidArgument, $"port '80' is already in use by service 'web' ({web}) as an ingress port", () => _harness.CreateService(Publishing("other", Port(80, host: true))));
        Refused(ControlError.InvalidArgument, $"port '9000' is already in use by service 'host' ({host}) as a host-published port", () => _harness.CreateService(Publishing("other", Port(9000))));
        _harness.CreateService(Publishing("second-host", Port(9000, host: true)));
        _harness.CreateService(Publishing("udp", new Wire.PortConfig { PublishedPort = 80, Protocol = Wire.PortConfig.Types.Protocol.Udp }));
        _harness.UpdateService(web, s => s.Endpoint.Ports.Add(Port(81)));
        Refused(ControlError.InvalidArgument, $"port '81' is already in use by service 'web' ({web}) as an ingress port", () => _harness.UpdateService(host, s => s.Endpoint.Ports.Add(Port(81))));
    }

    [Fact]
    public void A_port_that_was_chosen_for_a_service_is_taken_too()
    {
        PutNetwork("mesh", ingress: true);
        var web = _harness.CreateService(Publishing("web", Port(0)));
        var service = _harness.State.Services[web].Clone();
        service.Endpoint = new Wire.Endpoint { Spec = service.Spec.Endpoint.Clone(), Ports = { Port(30000) } };
        _harness.Emit(new Mutation { PutService = new PutService { Service = service } });
        Refused(ControlError.InvalidArgument, $"port '30000' is already in use by service 'web' ({web}) as an ingress port", () => _harness.CreateService(Publishing("other", Port(30000))));
    }

    [Theory]
    [InlineData("redis", true)]
    [InlineData("library/redis:7.2-alpine", true)]
    [InlineData("localhost:5000/team/app", true)]
    [InlineData("[::1]:5000/app", true)]
    [InlineData("Registry/app", true)]
    [InlineData("a__b/c---d:Tag_1@sha256:0123456789abcdef0123456789abcdef", true)]
    [InlineData("a___b", false)]
    [InlineData("app:", false)]
    [InlineData("-app", false)]
    [InlineData("reg.example.com/App", false)]
    [InlineData("app@sha256:12", false)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false)]
    public void Image_references_follow_the_distribution_grammar(string image, bool isValid)
    {
        var exception = Record.Exception(() => _harness.CreateService(Specs.Replicated("web", 1, s => s.Task.Container.Image = image)));
        Assert.Equal(isValid, exception is null);
    }

    internal static void Refused(ControlError error, string message, Action action)
    {
        var refusal = Assert.Throws<ControlException>(action);
        Assert.Equal((error, message), (refusal.Error, refusal.Message));
    }

    private static Wire.ServiceSpec Publishing(string name, params Wire.PortConfig[] ports) =>
        Specs.Replicated(name, 1, s => s.Endpoint = new Wire.EndpointSpec { Ports = { ports } });

    private static Wire.PortConfig Port(uint published, bool host = false) => new()
    {
        TargetPort = 80,
        PublishedPort = published,
        PublishMode = host ? Wire.PortConfig.Types.PublishMode.Host : Wire.PortConfig.Types.PublishMode.Ingress,
    };

    private static Wire.SecretReference Secret(string name, string file) => new() { SecretId = "id-" + name, SecretName = name, File = new Wire.FileTarget { Name = file } };

    private static Wire.ConfigReference Config(string name, string file) => new() { ConfigId = "id-" + name, ConfigName = name, File = new Wire.FileTarget { Name = file } };

    private Wire.Service Update(Wire.Service seen, Wire.ServiceSpec spec, Wire.UpdateServiceRequest.Types.Rollback rollback = Wire.UpdateServiceRequest.Types.Rollback.None) =>
        _harness.Call<Wire.UpdateServiceResponse>(new Wire.UpdateServiceRequest { ServiceId = seen.Id, ServiceVersion = seen.Meta.Version, Spec = spec, Rollback = rollback }).Service;

    private void PutNetwork(string id, bool ingress) => _harness.Emit(new Mutation
    {
        PutNetwork = new PutNetwork { Network = new Wire.Network { Id = id, Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = id }, Ingress = ingress } } },
    });
}
