namespace Skep.Api.Swarm.Conversion;

/// <summary>What a task's container is made of.</summary>
internal static class ContainerConversion
{
    public static Types.ContainerSpec ToApi(this Wire.ContainerSpec spec) => new()
    {
        Image = spec.Image,
        Labels = spec.Labels.ToApi(),
        Command = spec.Command.ToApi(),
        Args = spec.Args.ToApi(),
        Hostname = spec.Hostname,
        Env = spec.Env.ToApi(),
        Dir = spec.Dir,
        User = spec.User,
        Groups = spec.Groups.ToApi(),
        Privileges = spec.Privileges?.ToApi(),
        Init = spec.Init,
        StopSignal = spec.StopSignal,
        TTY = spec.Tty,
        OpenStdin = spec.OpenStdin,
        ReadOnly = spec.ReadOnly,
        Mounts = spec.Mounts.Count == 0 ? null : [.. spec.Mounts.Select(MountConversion.ToApi)],
        StopGracePeriod = spec.StopGracePeriod is { } grace ? grace.ToNanoseconds() : null,
        Healthcheck = spec.Healthcheck is { } health ? ToApi(health) : null,
        Hosts = spec.Hosts.ToApi(),
        DNSConfig = spec.DnsConfig is { } dns
            ? new Types.DNSConfig { Nameservers = dns.Nameservers.ToApi(), Search = dns.Search.ToApi(), Options = dns.Options.ToApi() }
            : null,
        // A reference without a file or runtime target cannot be shown; there is no way to make one.
        Secrets = [.. spec.Secrets.Where(s => s.File is not null).Select(s => new Types.SecretReference { File = ToApi(s.File), SecretID = s.SecretId, SecretName = s.SecretName })],
        Configs = [.. spec.Configs.Where(c => c.TargetCase != Wire.ConfigReference.TargetOneofCase.None).Select(c => new Types.ConfigReference
        {
            File = c.File is null ? null : ToApi(c.File),
            Runtime = c.Runtime is null ? null : new Types.RuntimeTarget(),
            ConfigID = c.ConfigId,
            ConfigName = c.ConfigName,
        })],
        Isolation = Words.Isolation.Of(spec.Isolation),
        Sysctls = spec.Sysctls.ToApi(),
        CapabilityAdd = spec.CapabilityAdd.ToApi(),
        CapabilityDrop = spec.CapabilityDrop.ToApi(),
        Ulimits = [.. spec.Ulimits.Select(u => new Types.Ulimit { Name = u.Name, Soft = u.Soft, Hard = u.Hard })],
        OomScoreAdj = spec.OomScoreAdj,
    };

    /// <exception cref="ApiException">400.</exception>
    public static Wire.ContainerSpec ToWire(this Types.ContainerSpec spec)
    {
        var wire = new Wire.ContainerSpec
        {
            Image = spec.Image,
            Hostname = spec.Hostname,
            Dir = spec.Dir,
            User = spec.User,
            Privileges = spec.Privileges?.ToWire(),
            Init = spec.Init,
            StopSignal = spec.StopSignal,
            Tty = spec.TTY,
            OpenStdin = spec.OpenStdin,
            ReadOnly = spec.ReadOnly,
            StopGracePeriod = spec.StopGracePeriod?.ToDuration(),
            Healthcheck = spec.Healthcheck is { } health ? ToWire(health) : null,
            Isolation = Words.Isolation.TryParse(spec.Isolation, out var isolation) ? isolation : default,
            OomScoreAdj = spec.OomScoreAdj,
        };
        wire.Labels.Fill(spec.Labels);
        wire.Command.Fill(spec.Command);
        wire.Args.Fill(spec.Args);
        wire.Env.Fill(spec.Env);
        wire.Groups.Fill(spec.Groups);
        wire.Hosts.Fill(spec.Hosts);
        wire.Sysctls.Fill(spec.Sysctls);
        wire.CapabilityAdd.Fill(spec.CapabilityAdd);
        wire.CapabilityDrop.Fill(spec.CapabilityDrop);
        wire.Mounts.AddRange((spec.Mounts ?? []).Select(MountConversion.ToWire));
        wire.Ulimits.AddRange((spec.Ulimits ?? []).Select(u => new Wire.ContainerSpec.Types.Ulimit { Name = u.Name, Soft = u.Soft, Hard = u.Hard }));
        wire.Secrets.AddRange((spec.Secrets ?? []).Select(ToWire));
        wire.Configs.AddRange((spec.Configs ?? []).Select(ToWire));
        if (spec.DNSConfig is { } dns)
        {
            wire.DnsConfig = new Wire.ContainerSpec.Types.DNSConfig();
            wire.DnsConfig.Nameservers.Fill(dns.Nameservers);
            wire.DnsConfig.Search.Fill(dns.Search);
            wire.DnsConfig.Options.Fill(dns.Options);
        }
        return wire;
    }

    private static Types.FileTarget ToApi(Wire.FileTarget file) => new() { Name = file.Name, UID = file.Uid, GID = file.Gid, Mode = file.Mode };

    private static Wire.FileTarget ToWire(Types.FileTarget file) => new() { Name = file.Name, Uid = file.UID, Gid = file.GID, Mode = file.Mode };

    private static Wire.SecretReference ToWire(Types.SecretReference reference)
    {
        var wire = new Wire.SecretReference { SecretId = reference.SecretID, SecretName = reference.SecretName };
        if (reference.File is { } file)
            wire.File = ToWire(file);
        return wire;
    }

    private static Wire.ConfigReference ToWire(Types.ConfigReference reference)
    {
        var wire = new Wire.ConfigReference { ConfigId = reference.ConfigID, ConfigName = reference.ConfigName };
        switch (reference)
        {
            case { File: null, Runtime: null }: throw new ApiException(400, "invalid Config: either File or Runtime should be set");
            case { File: not null, Runtime: not null }: throw new ApiException(400, "invalid Config: cannot specify both File and Runtime");
            case { File: { } file }: wire.File = ToWire(file); break;
            default: wire.Runtime = new Wire.RuntimeTarget(); break;
        }
        return wire;
    }

    private static Types.HealthConfig ToApi(Wire.HealthConfig health) => new()
    {
        Test = health.Test.ToApi(),
        Interval = health.Interval.ToNanoseconds(),
        Timeout = health.Timeout.ToNanoseconds(),
        StartPeriod = health.StartPeriod.ToNanoseconds(),
        StartInterval = health.StartInterval.ToNanoseconds(),
        Retries = health.Retries,
    };

    private static Wire.HealthConfig ToWire(Types.HealthConfig health)
    {
        var wire = new Wire.HealthConfig
        {
            Interval = health.Interval.ToDuration(),
            Timeout = health.Timeout.ToDuration(),
            StartPeriod = health.StartPeriod.ToDuration(),
            StartInterval = health.StartInterval.ToDuration(),
            Retries = health.Retries,
        };
        wire.Test.Fill(health.Test);
        return wire;
    }
}
