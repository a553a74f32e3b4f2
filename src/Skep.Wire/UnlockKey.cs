namespace Skep.Wire;

/// <summary>
/// The key that locks the secrets a manager keeps on its disk, as <c>docker swarm unlock-key</c> prints it: <c>SWMKEY-1-</c> and
/// unpadded base 64. One for the whole cluster, kept in the cluster object while autolock is on.
/// </summary>
public static class UnlockKey
{
    /// <summary>Bytes of a new key.</summary>
    public const int Bytes = 32;

    /// <summary>What names it among the cluster's unlock keys: the role whose secrets it locks.</summary>
    public const string Subsystem = "swarm-manager";

    private const string Prefix = "SWMKEY-1-";

    public static string Format(ReadOnlySpan<byte> key) => Prefix + Convert.ToBase64String(key).TrimEnd('=');

    /// <summary>What a user typed.</summary>
    /// <exception cref="FormatException">It is no unlock key; the message never repeats it.</exception>
    public static byte[] Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : "";
        var bytes = new byte[digits.Length];
        return digits.Length > 0 && !digits.Contains('=', StringComparison.Ordinal)
            && Convert.TryFromBase64String(digits.PadRight((digits.Length + 3) / 4 * 4, '='), bytes, out var length)
                ? bytes[..length]
                : throw new FormatException("invalid key string");
    }

    /// <summary>The cluster's key; empty while autolock is off.</summary>
    public static ReadOnlyMemory<byte> Of(Cluster cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        return cluster.Spec?.EncryptionConfig is { AutoLockManagers: true }
            ? cluster.UnlockKeys.FirstOrDefault(key => key.Subsystem == Subsystem)?.Key.Memory ?? default
            : default;
    }
}
