using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Skep.Api.Swarm.Conversion;
using Skep.Api.Swarm.Json;
using Xunit;
using ServiceSpec = Skep.Api.Swarm.Types.ServiceSpec;

namespace Skep.UnitTests.Api.Swarm;

public sealed class GoJsonTests
{
    /// <summary>Everything that a service can be made of, in the form in which the API shows it.</summary>
    private const string FullSpec = """
        {"Name":"web","Labels":{"a":"b"},"TaskTemplate":{"ContainerSpec":{"Image":"nginx:1","Labels":{"c":"d"},"Command":["sh"],"Args":["-c","x"],
        "Hostname":"h","Env":["A=1"],"Dir":"/d","User":"u","Groups":["g"],"Privileges":{"CredentialSpec":{"Config":"","File":"f","Registry":""},
        "SELinuxContext":{"Disable":true,"User":"u","Role":"r","Type":"t","Level":"l"},"Seccomp":{"Mode":"custom","Profile":"e30="},
        "AppArmor":{"Mode":"disabled"},"NoNewPrivileges":true},"Init":false,"StopSignal":"SIGINT","TTY":true,"OpenStdin":true,"ReadOnly":true,
        "Mounts":[{"Type":"bind","Source":"/s","Target":"/t","ReadOnly":true,"BindOptions":{"Propagation":"rshared","NonRecursive":true}},
        {"Type":"volume","Source":"v","Target":"/v","VolumeOptions":{"NoCopy":true,"Labels":{"e":"f"},"Subpath":"p","DriverConfig":{"Name":"local","Options":{"o":"1"}}}},
        {"Type":"tmpfs","Target":"/m","TmpfsOptions":{"SizeBytes":5,"Mode":493,"Options":[["noexec"],["uid","3"]]}}],
        "StopGracePeriod":0,"Healthcheck":{"Test":["CMD","t"],"Interval":1000000001,"Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5},
        "Hosts":["1.1.1.1 h"],"DNSConfig":{"Nameservers":["8.8.8.8"],"Search":["s"],"Options":["o"]},
        "Secrets":[{"File":{"Name":"n","UID":"0","GID":"0","Mode":292},"SecretID":"i","SecretName":"s"}],
        "Configs":[{"File":{"Name":"n","UID":"0","GID":"0","Mode":292},"ConfigID":"i","ConfigName":"c"},{"Runtime":{},"ConfigID":"j","ConfigName":"k"}],
        "Isolation":"default","Sysctls":{"k":"v"},"CapabilityAdd":["CAP_A"],"CapabilityDrop":["CAP_B"],"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}],"OomScoreAdj":7},
        "Resources":{"Limits":{"NanoCPUs":1,"MemoryBytes":2,"Pids":3},"Reservations":{"NanoCPUs":4,"MemoryBytes":5,
        "GenericResources":[{"NamedResourceSpec":{"Kind":"gpu","Value":"g1"}},{"DiscreteResourceSpec":{"Kind":"ssd","Value":2}}]},"SwapBytes":0,"MemorySwappiness":0},
        "RestartPolicy":{"Condition":"on-failure","Delay":5000000000,"MaxAttempts":0,"Window":1},
        "Placement":{"Constraints":["node.role==worker"],"Preferences":[{"Spread":{"SpreadDescriptor":"node.labels.zone"}}],"MaxReplicas":3,
        "Platforms":[{"Architecture":"amd64","OS":"linux"}]},"Networks":[{"Target":"net","Aliases":["al"],"DriverOpts":{"x":"y"}}],
        "LogDriver":{"Name":"json-file","Options":{"max-size":"1m"}},"ForceUpdate":9,"Runtime":"container"},
        "Mode":{"Replicated":{"Replicas":0}},
        "UpdateConfig":{"Parallelism":0,"Delay":1000000000,"FailureAction":"rollback","Monitor":5000000000,"MaxFailureRatio":0.25,"Order":"start-first"},
        "RollbackConfig":{"Parallelism":1,"FailureAction":"pause","MaxFailureRatio":0,"Order":"stop-first"},
        "EndpointSpec":{"Mode":"dnsrr","Ports":[{"Name":"p","Protocol":"udp","TargetPort":53,"PublishedPort":5353,"PublishMode":"host"}]}}
        """;

    [Fact]
    public void A_whole_spec_survives_the_way_to_the_wire_and_back_to_the_letter()
    {
        var spec = JsonSerializer.Deserialize<ServiceSpec>(FullSpec, GoJson.Options)!;
        var wire = Wire.ServiceSpec.Parser.ParseFrom(Google.Protobuf.MessageExtensions.ToByteArray(spec.ToWire()));
        Assert.Equal(FullSpec.ReplaceLineEndings(""), JsonSerializer.Serialize(wire.ToApi(), GoJson.Options));
    }

    [Fact]
    public void An_empty_spec_shows_what_Go_would()
    {
        var wire = new ServiceSpec { Name = "x", TaskTemplate = new() { ContainerSpec = new() } }.ToWire();
        Assert.Equal("""
            {"Name":"x","Labels":{},"TaskTemplate":{"ContainerSpec":{"Isolation":"default"},"ForceUpdate":0,"Runtime":"container"},"Mode":{"Replicated":{"Replicas":1}}}
            """, JsonSerializer.Serialize(wire.ToApi(), GoJson.Options));
    }

    [Fact]
    public void Names_are_read_whatever_their_case_unknown_ones_ignored_and_null_changes_nothing()
    {
        var spec = JsonSerializer.Deserialize<ServiceSpec>(
            """{"name":"x","New":{"a":1},"Labels":null,"TaskTemplate":{"ForceUpdate":null,"containerspec":{"Image":null,"TTY":null,"Env":["A",null]}},"Mode":null}""", GoJson.Options)!;
        Assert.Equal("x", spec.Name);
        Assert.NotNull(spec.Mode);
        Assert.Equal("", spec.TaskTemplate.ContainerSpec!.Image);
        Assert.False(spec.TaskTemplate.ContainerSpec.TTY);
        Assert.Equal(["A", ""], spec.TaskTemplate.ContainerSpec.Env);
    }

    [Theory]
    [InlineData("""{"Name":5}""", "json: cannot unmarshal number into Go value of type string")]
    [InlineData("""{"TaskTemplate":{"ForceUpdate":"1"}}""", "json: cannot unmarshal string into Go value of type uint64")]
    [InlineData("""{"Mode":{"Replicated":{"Replicas":-1}}}""", "json: cannot unmarshal number into Go value of type uint64")]
    [InlineData("""{"Mode":{"Replicated":{"Replicas":1.5}}}""", "json: cannot unmarshal number into Go value of type uint64")]
    public void A_wrong_type_is_told(string json, string expected) =>
        Assert.Contains(expected, Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<ServiceSpec>(json, GoJson.Options)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 0, "1970-01-01T00:00:00Z")]
    [InlineData(1767225600, 0, "2026-01-01T00:00:00Z")]
    [InlineData(1767225600, 120_000_000, "2026-01-01T00:00:00.12Z")]
    [InlineData(1767225600, 1, "2026-01-01T00:00:00.000000001Z")]
    public void Times_have_as_many_digits_as_they_need(long seconds, int nanos, string expected) =>
        Assert.Equal(expected, Rfc3339TimestampConverter.Format(new Timestamp { Seconds = seconds, Nanos = nanos }));
}
