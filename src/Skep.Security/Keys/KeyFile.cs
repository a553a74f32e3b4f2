using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skep.Security.Keys;

/// <summary>What the key file says. Either <see cref="Keys"/> is there, readable for whoever may read the file, or <see cref="Locked"/>.</summary>
internal sealed record KeyFile
{
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>Version of the cluster object whose unlock key (or whose having none) this file follows.</summary>
    public ulong UnlockKeyVersion { get; init; }

    /// <summary>The secrets as JSON, sealed with the unlock key.</summary>
    public byte[]? Locked { get; init; }

    public KeyFileSecrets? Keys { get; init; }

    /// <exception cref="InvalidManagerCertificateException">Damaged, or of a newer skepd.</exception>
    public static KeyFile Read(string path)
    {
        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), KeyFileJson.Default.KeyFile);
            if (file is null || file.Format > CurrentFormat)
                throw new InvalidManagerCertificateException($"{path} is of format {file?.Format}, this skepd knows {CurrentFormat}; upgrade skepd on this host");
            return (file.Keys is null) != (file.Locked is null) ? file : throw new InvalidManagerCertificateException($"{path} is damaged: it holds no keys");
        }
        catch (JsonException e)
        {
            throw new InvalidManagerCertificateException($"{path} is damaged ({e.Message}); restore it from a backup, or remove the data directory and join again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidManagerCertificateException($"the manager's keys cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Stores secrets, locked unless the key is empty.</summary>
    /// <exception cref="IOException">Not stored.</exception>
    public static void Write(string path, KeyFileSecrets keys, ReadOnlySpan<byte> unlockKey, ulong unlockKeyVersion)
    {
        var file = new KeyFile { UnlockKeyVersion = unlockKeyVersion };
        file = unlockKey.IsEmpty
            ? file with { Keys = keys }
            : file with { Locked = SealedBox.Seal(unlockKey, JsonSerializer.SerializeToUtf8Bytes(keys, KeyFileJson.Default.KeyFileSecrets), file.Context) };
        DurableFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(file, KeyFileJson.Default.KeyFile));
    }

    /// <summary>Null: locked with another key than this.</summary>
    public KeyFileSecrets? Open(ReadOnlySpan<byte> unlockKey) =>
        Locked is null ? Keys
        : SealedBox.TryOpen(unlockKey, Locked, Context) is { } opened ? JsonSerializer.Deserialize(opened, KeyFileJson.Default.KeyFileSecrets)
        : null;

    private byte[] Context => Encoding.ASCII.GetBytes($"{Format} {UnlockKeyVersion}");
}

/// <summary>The secrets themselves.</summary>
internal sealed record KeyFileSecrets
{
    /// <summary>Of the manager's certificate, PEM. Two while it is being renewed: one of them fits.</summary>
    public IReadOnlyList<string> PrivateKeys { get; init; } = [];

    /// <summary>The private keys were in this file before it was locked with its present key: whoever saw it then has them.</summary>
    public bool PrivateKeysAreExposed { get; init; }

    /// <summary>Of log and snapshots, the one in use first; an empty one stands for what was written before there were keys.</summary>
    public IReadOnlyList<byte[]> DataKeys { get; init; } = [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeyFile))]
[JsonSerializable(typeof(KeyFileSecrets))]
internal sealed partial class KeyFileJson : JsonSerializerContext;
