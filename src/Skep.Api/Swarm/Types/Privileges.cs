using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Privileges
{
    public CredentialSpec? CredentialSpec { get; set; }

    public SELinuxContext? SELinuxContext { get; set; }

    [OmitEmpty]
    public SeccompOpts? Seccomp { get; set; }

    [OmitEmpty]
    public AppArmorOpts? AppArmor { get; set; }

    public bool NoNewPrivileges { get; set; }
}

internal sealed class CredentialSpec
{
    public string Config { get; set; } = "";

    public string File { get; set; } = "";

    public string Registry { get; set; } = "";
}

internal sealed class SELinuxContext
{
    public bool Disable { get; set; }

    public string User { get; set; } = "";

    public string Role { get; set; } = "";

    public string Type { get; set; } = "";

    public string Level { get; set; } = "";
}

internal sealed class SeccompOpts
{
    [OmitEmpty]
    public string Mode { get; set; } = "";

    [OmitEmpty]
    public byte[]? Profile { get; set; }
}

internal sealed class AppArmorOpts
{
    [OmitEmpty]
    public string Mode { get; set; } = "";
}
