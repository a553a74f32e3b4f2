using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Mount
{
    [OmitEmpty]
    public string Type { get; set; } = "";

    [OmitEmpty]
    public string Source { get; set; } = "";

    [OmitEmpty]
    public string Target { get; set; } = "";

    [OmitEmpty]
    public bool ReadOnly { get; set; }

    [OmitEmpty]
    public string Consistency { get; set; } = "";

    [OmitEmpty]
    public BindOptions? BindOptions { get; set; }

    [OmitEmpty]
    public VolumeOptions? VolumeOptions { get; set; }

    [OmitEmpty]
    public TmpfsOptions? TmpfsOptions { get; set; }
}

internal sealed class BindOptions
{
    [OmitEmpty]
    public string Propagation { get; set; } = "";

    [OmitEmpty]
    public bool NonRecursive { get; set; }

    [OmitEmpty]
    public bool CreateMountpoint { get; set; }

    [OmitEmpty]
    public bool ReadOnlyNonRecursive { get; set; }

    [OmitEmpty]
    public bool ReadOnlyForceRecursive { get; set; }
}

internal sealed class VolumeOptions
{
    [OmitEmpty]
    public bool NoCopy { get; set; }

    [OmitEmpty]
    public Dictionary<string, string>? Labels { get; set; }

    [OmitEmpty]
    public string Subpath { get; set; } = "";

    [OmitEmpty]
    public Driver? DriverConfig { get; set; }
}

internal sealed class TmpfsOptions
{
    [OmitEmpty]
    public long SizeBytes { get; set; }

    [OmitEmpty]
    public uint Mode { get; set; }

    [OmitEmpty]
    public List<List<string>>? Options { get; set; }
}
