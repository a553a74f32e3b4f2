namespace Skep.Agent;

/// <summary>What a simulated engine says of itself: enough for every filter of the scheduler.</summary>
public static class Descriptions
{
    private const string EngineVersion = "20.10.24";
    private const long Cpus = 4;
    private const long MemoryBytes = 8L << 30;

    // One for all: messages are only read once they are made.
    private static readonly Wire.EngineDescription Engine = MakeEngine();
    private static readonly Wire.Platform Platform = new() { Architecture = "x86_64", Os = "linux" };
    private static readonly Wire.Resources Resources = new() { NanoCpus = Cpus * 1_000_000_000, MemoryBytes = MemoryBytes };

    public static Wire.NodeDescription Of(string hostname) => new() { Hostname = hostname, Platform = Platform, Resources = Resources, Engine = Engine };

    private static Wire.EngineDescription MakeEngine()
    {
        var engine = new Wire.EngineDescription { EngineVersion = EngineVersion, Labels = { ["skep.simulated"] = "true" } };
        Add("Log", "awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "logentries", "splunk", "syslog");
        Add("Network", "bridge", "host", "ipvlan", "macvlan", "null", "overlay");
        Add("Volume", "local");
        return engine;

        void Add(string type, params ReadOnlySpan<string> names)
        {
            foreach (var name in names)
                engine.Plugins.Add(new Wire.PluginDescription { Type = type, Name = name });
        }
    }
}
