using Google.Protobuf.Collections;

namespace Skep.Manager.Scheduling;

/// <summary>The volume, network and log drivers that a task needs its engine to have.</summary>
internal sealed class RequiredPlugins
{
    private readonly string[] _volumes;
    private readonly string[] _networks;
    private readonly string _log;

    private RequiredPlugins(NodeDemand demand)
    {
        _volumes = demand.VolumeDrivers.Split(',', StringSplitOptions.RemoveEmptyEntries);
        _networks = demand.NetworkDrivers.Split(',', StringSplitOptions.RemoveEmptyEntries);
        _log = demand.LogDriver;
    }

    /// <summary>Null when any engine will do.</summary>
    public static RequiredPlugins? Of(NodeDemand demand) =>
        demand.VolumeDrivers.Length > 0 || demand.NetworkDrivers.Length > 0 || demand.LogDriver.Length > 0 ? new RequiredPlugins(demand) : null;

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
