using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Storage.Backups;

/// <summary>What a backup says of itself, readable without a key: no secret is in it.</summary>
public sealed record BackupManifest
{
    /// <summary>The version of skepd that made it.</summary>
    public required string SkepVersion { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string ClusterId { get; init; }

    /// <summary>The manager that made it.</summary>
    public required string ManagerId { get; init; }

    /// <summary>host:port of that manager: where engines look for it.</summary>
    public required string ManagerAddr { get; init; }

    /// <summary>What docker shows as Version.Index of the newest change that is in it.</summary>
    public required ulong StateVersion { get; init; }

    /// <summary>See <see cref="State.StateSnapshot.Format"/>.</summary>
    public required uint StateFormat { get; init; }

    public required int Nodes { get; init; }

    public required int Services { get; init; }

    public required int Tasks { get; init; }

    public required int Secrets { get; init; }

    public required int Configs { get; init; }

    public required int Networks { get; init; }

    /// <summary>With it and the cluster's unlock key the content's key is derived; null: autolock was off, and the content is readable.</summary>
    public byte[]? Salt { get; init; }

    /// <summary>The content can only be read with the unlock key that the cluster had.</summary>
    [JsonIgnore]
    public bool IsSealed => Salt is not null;

    internal byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, BackupManifestJson.Default.BackupManifest);

    /// <exception cref="JsonException">It is none.</exception>
    internal static BackupManifest Decode(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, BackupManifestJson.Default.BackupManifest) ?? throw new JsonException("it is null");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BackupManifest))]
internal sealed partial class BackupManifestJson : JsonSerializerContext;
