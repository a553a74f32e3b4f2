using Google.Protobuf;

namespace Skep.Api.Swarm.Conversion;

/// <summary>Credential specs, SELinux, seccomp, AppArmor.</summary>
internal static class PrivilegesConversion
{
    public static Types.Privileges ToApi(this Wire.Privileges privileges) => new()
    {
        CredentialSpec = privileges.CredentialSpec is { } credentials
            ? new Types.CredentialSpec { Config = credentials.Config, File = credentials.File, Registry = credentials.Registry }
            : null,
        SELinuxContext = privileges.SelinuxContext is { } selinux
            ? new Types.SELinuxContext { Disable = selinux.Disable, User = selinux.User, Role = selinux.Role, Type = selinux.Type, Level = selinux.Level }
            : null,
        Seccomp = privileges.Seccomp is { } seccomp
            ? new Types.SeccompOpts { Mode = Words.SeccompMode.Of(seccomp.Mode), Profile = seccomp.Profile.IsEmpty ? null : seccomp.Profile.ToByteArray() }
            : null,
        AppArmor = privileges.Apparmor is { } appArmor ? new Types.AppArmorOpts { Mode = Words.AppArmorMode.Of(appArmor.Mode) } : null,
        NoNewPrivileges = privileges.NoNewPrivileges,
    };

    public static Wire.Privileges ToWire(this Types.Privileges privileges) => new()
    {
        CredentialSpec = privileges.CredentialSpec is { } credentials ? ToWire(credentials) : null,
        SelinuxContext = privileges.SELinuxContext is { } selinux
            ? new Wire.Privileges.Types.SELinuxContext { Disable = selinux.Disable, User = selinux.User, Role = selinux.Role, Type = selinux.Type, Level = selinux.Level }
            : null,
        Seccomp = privileges.Seccomp is { } seccomp
            ? new Wire.Privileges.Types.SeccompOpts
            {
                Mode = Words.SeccompMode.TryParse(seccomp.Mode, out var mode) ? mode : default,
                Profile = ByteString.CopyFrom(seccomp.Profile ?? []),
            }
            : null,
        Apparmor = privileges.AppArmor is { } appArmor
            ? new Wire.Privileges.Types.AppArmorOpts { Mode = Words.AppArmorMode.TryParse(appArmor.Mode, out var appArmorMode) ? appArmorMode : default }
            : null,
        NoNewPrivileges = privileges.NoNewPrivileges,
    };

    private static Wire.Privileges.Types.CredentialSpec ToWire(Types.CredentialSpec spec)
    {
        List<string> given = [];
        if (spec.Config.Length > 0) given.Add("\"config\"");
        if (spec.File.Length > 0) given.Add("\"file\"");
        if (spec.Registry.Length > 0) given.Add("\"registry\"");
        return given.Count switch
        {
            0 => throw new ApiException(400, "invalid CredentialSpec: must either provide \"file\", \"registry\", or \"config\" for credential spec"),
            1 when spec.Config.Length > 0 => new Wire.Privileges.Types.CredentialSpec { Config = spec.Config },
            1 when spec.File.Length > 0 => new Wire.Privileges.Types.CredentialSpec { File = spec.File },
            1 => new Wire.Privileges.Types.CredentialSpec { Registry = spec.Registry },
            2 => throw new ApiException(400, $"invalid CredentialSpec: cannot specify both {given[0]} and {given[1]} credential specs"),
            _ => throw new ApiException(400, $"invalid CredentialSpec: cannot specify both {given[0]}, {given[1]}, and {given[2]} credential specs"),
        };
    }
}
