using System.Text.Json;
using System.Text.Json.Serialization;
using Skep.Security;

namespace Skep.Storage;

/// <summary>What this host must remember of its part in a cluster: swarm.json in the data directory. Its presence means "part of a cluster": a manager, or a standby.</summary>
public sealed record SwarmFile
{
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    public required string ManagerId { get; init; }

    public required ulong RaftId { get; init; }

    /// <summary>host:port on which the cluster port listens.</summary>
    public required string ListenAddr { get; init; }

    /// <summary>host:port by which other hosts reach it.</summary>
    public required string AdvertiseAddr { get; init; }

    public string DataPathAddr { get; init; } = "";

    /// <summary>The node of the engine beside this manager; empty until that has joined.</summary>
    public string NodeId { get; init; } = "";

    /// <summary>It is no Raft member: it watches the managers for its promotion.</summary>
    public bool Standby { get; init; }

    /// <summary>It shall be a Raft member but has no log yet. Otherwise a log that is missing was lost, and its member must not come back without it.</summary>
    public bool Joining { get; init; }

    /// <summary>
    /// It goes on alone (after docker swarm init --force-new-cluster, or from a backup), and its state does not say so yet: the others are still
    /// managers in it.
    /// </summary>
    public bool GoesOnAlone { get; init; }

    /// <summary>The folder of its log, in the data directory. A new group gets a folder of its own, so that the switch from one to the other is this file's.</summary>
    public string LogFolder { get; init; } = DataDirectory.FirstLogFolder;

    /// <summary>The managers as last known: the way back while the log here does not say it.</summary>
    public IReadOnlyList<SwarmPeer> Peers { get; init; } = [];

    public static string PathIn(string dataDirectory) => Path.Combine(dataDirectory, "swarm.json");

    /// <summary>Null: this host is in no cluster.</summary>
    /// <exception cref="InvalidDataException">The file is there and cannot be used.</exception>
    public static SwarmFile? Read(string dataDirectory)
    {
        var path = PathIn(dataDirectory);
        if (!File.Exists(path))
            return null;
        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), SwarmFileJson.Default.SwarmFile);
            if (file is null || file.Format > CurrentFormat)
                throw new InvalidDataException($"{path} is of format {file?.Format}, this skepd knows {CurrentFormat}; upgrade skepd on this host");
            return file;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged ({e.Message}); restore it from a backup, or remove the data directory and join again", e);
        }
    }

    /// <summary>Stores it durably.</summary>
    public void Write(string dataDirectory) =>
        DurableFile.Replace(PathIn(dataDirectory), JsonSerializer.SerializeToUtf8Bytes(this, SwarmFileJson.Default.SwarmFile));
}

/// <summary>A Raft member and its address, host:port.</summary>
public sealed record SwarmPeer(ulong RaftId, string Addr);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SwarmFile))]
internal sealed partial class SwarmFileJson : JsonSerializerContext;
