using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class ContainerSpec
{
    [OmitEmpty]
    public string Image { get; set; } = "";

    [OmitEmpty]
    public Dictionary<string, string>? Labels { get; set; }

    [OmitEmpty]
    public List<string>? Command { get; set; }

    [OmitEmpty]
    public List<string>? Args { get; set; }

    [OmitEmpty]
    public string Hostname { get; set; } = "";

    [OmitEmpty]
    public List<string>? Env { get; set; }

    [OmitEmpty]
    public string Dir { get; set; } = "";

    [OmitEmpty]
    public string User { get; set; } = "";

    [OmitEmpty]
    public List<string>? Groups { get; set; }

    [OmitEmpty]
    public Privileges? Privileges { get; set; }

    [GoPointer]
    public bool? Init { get; set; }

    [OmitEmpty]
    public string StopSignal { get; set; } = "";

    [OmitEmpty]
    public bool TTY { get; set; }

    [OmitEmpty]
    public bool OpenStdin { get; set; }

    [OmitEmpty]
    public bool ReadOnly { get; set; }

    [OmitEmpty]
    public List<Mount>? Mounts { get; set; }

    /// <summary>Nanoseconds.</summary>
    [GoPointer]
    public long? StopGracePeriod { get; set; }

    [OmitEmpty]
    public HealthConfig? Healthcheck { get; set; }

    [OmitEmpty]
    public List<string>? Hosts { get; set; }

    [OmitEmpty]
    public DNSConfig? DNSConfig { get; set; }

    [OmitEmpty]
    public List<SecretReference>? Secrets { get; set; }

    [OmitEmpty]
    public List<ConfigReference>? Configs { get; set; }

    [OmitEmpty]
    public string Isolation { get; set; } = "";

    [OmitEmpty]
    public Dictionary<string, string>? Sysctls { get; set; }

    [OmitEmpty]
    public List<string>? CapabilityAdd { get; set; }

    [OmitEmpty]
    public List<string>? CapabilityDrop { get; set; }

    [OmitEmpty]
    public List<Ulimit>? Ulimits { get; set; }

    [OmitEmpty]
    public long OomScoreAdj { get; set; }
}

internal sealed class DNSConfig
{
    [OmitEmpty]
    public List<string>? Nameservers { get; set; }

    [OmitEmpty]
    public List<string>? Search { get; set; }

    [OmitEmpty]
    public List<string>? Options { get; set; }
}

internal sealed class Ulimit
{
    public string Name { get; set; } = "";

    public long Hard { get; set; }

    public long Soft { get; set; }
}

internal sealed class HealthConfig
{
    [OmitEmpty]
    public List<string>? Test { get; set; }

    /// <summary>Nanoseconds, as all durations here.</summary>
    [OmitEmpty]
    public long Interval { get; set; }

    [OmitEmpty]
    public long Timeout { get; set; }

    [OmitEmpty]
    public long StartPeriod { get; set; }

    [OmitEmpty]
    public long StartInterval { get; set; }

    [OmitEmpty]
    public int Retries { get; set; }
}

internal sealed class FileTarget
{
    public string Name { get; set; } = "";

    public string UID { get; set; } = "";

    public string GID { get; set; } = "";

    public uint Mode { get; set; }
}

internal sealed class SecretReference
{
    public FileTarget? File { get; set; }

    public string SecretID { get; set; } = "";

    public string SecretName { get; set; } = "";
}

internal sealed class ConfigReference
{
    [OmitEmpty]
    public FileTarget? File { get; set; }

    [OmitEmpty]
    public RuntimeTarget? Runtime { get; set; }

    public string ConfigID { get; set; } = "";

    public string ConfigName { get; set; } = "";
}

internal sealed class RuntimeTarget;
