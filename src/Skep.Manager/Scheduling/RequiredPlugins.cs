using Google.Protobuf.Collections;

namespace Skep.Manager.Scheduling;

/// <summary>The volume, network and log drivers that a task needs its engine to have.</summary>
internal sealed class RequiredPlugins
{
    private readonly string[] _volumes;
    private readonly IReadOnlyCollection<string> _networks;
    private readonly string _log;

    private RequiredPlugins(string[] volumes, IReadOnlyCollection<string> networks, string log)
    {
        _volumes = volumes;
        _networks = networks;
        _log = log;
    }

    /// <summary>Null when any engine will do.</summary>
    public static RequiredPlugins? Of(Wire.TaskSpec spec, IReadOnlyCollection<string> networkDrivers)
    {
        string[] volumes = spec.Container is not { Mounts.Count: > 0 }
            ? []
            : [.. spec.Container.Mounts
                .Where(m => m.Type == Wire.Mount.Types.Type.Volume)
                .Select(m => m.VolumeOptions?.DriverConfig?.Name ?? "")
                .Where(name => name.Length > 0 && name != "local")
                .Distinct()];
        var log = spec.LogDriver?.Name is { Length: > 0 } name && name != "none" ? name : "";
        return volumes.Length > 0 || networkDrivers.Count > 0 || log.Length > 0 ? new RequiredPlugins(volumes, networkDrivers, log) : null;
    }

    public override string ToString() => $"{string.Join(',', _volumes)};{string.Join(',', _networks)};{_log}";

    public bool AreOn(Wire.Node node)
    {
        // A node that says nothing of its engine is trusted; so is one that lists no log drivers (old engines did not).
        if (node.Description?.Engine is not { } engine)
            return true;
        foreach (var volume in _volumes)
        {
            if (!Has(engine.Plugins, "Volume", volume, out _))
                return false;
        }
        foreach (var network in _networks)
        {
            if (!Has(engine.Plugins, "Network", network, out _))
                return false;
        }
        return _log.Length == 0 || Has(engine.Plugins, "Log", _log, out var listed) || !listed;
    }

    private static bool Has(RepeatedField<Wire.PluginDescription> plugins, string type, string name, out bool typeListed)
    {
        typeListed = false;
        foreach (var plugin in plugins)
        {
            if (plugin.Type != type)
                continue;
            typeListed = true;
            if (plugin.Name == name || (plugin.Name.Length == name.Length + ":latest".Length
                && plugin.Name.StartsWith(name, StringComparison.Ordinal) && plugin.Name.EndsWith(":latest", StringComparison.Ordinal)))
                return true;
        }
        return false;
    }
}
