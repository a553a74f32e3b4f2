using System.Security.Cryptography;

namespace Skep.Security.Keys;

/// <summary>
/// What a manager must keep secret on its own disk: the data keys of its log and the private key of its certificate. One file,
/// replaced as a whole, holds them: readable by its owner only, and with autolock sealed with the cluster's unlock key.
/// Every change is durable when its method returns; when it throws, nothing has changed. Any thread.
/// </summary>
public sealed class ManagerKeys
{
    /// <summary>In the directory of certificates.</summary>
    public const string FileName = "swarm-node.keys";

    private const int DataKeyBytes = 32;
    private const string LegacyKey = "swarm-node.key";

    private readonly Lock _changing = new();
    private readonly string _path;
    private volatile Content _content;

    private ManagerKeys(string directory, Content content)
    {
        _path = Path.Combine(directory, FileName);
        _content = content;
    }

    /// <summary>Of log and snapshots: the first seals, the others may still be needed. An empty one stands for no encryption.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> DataKeys => [.. _content.Secrets.DataKeys.Select(key => (ReadOnlyMemory<byte>)key)];

    /// <summary>A restart will need the unlock key.</summary>
    public bool AreLocked => !_content.UnlockKey.IsEmpty;

    /// <summary>The certificate should get a new private key: the present one may be known to whoever saw the file before it was locked as it is.</summary>
    public bool ArePrivateKeysExposed => _content.Secrets.PrivateKeysAreExposed;

    /// <summary><see cref="ArePrivateKeysExposed"/> has become true.</summary>
    public event Action? PrivateKeysExposed;

    /// <summary>Of the manager's certificate, newest first.</summary>
    internal IReadOnlyList<string> PrivateKeys => _content.Secrets.PrivateKeys;

    /// <summary>Makes the keys of a new manager. They are never on the disk unlocked if there is an unlock key.</summary>
    /// <param name="directory">certificates, in the data directory.</param>
    /// <param name="unlockKey">The cluster's; empty without autolock.</param>
    /// <param name="unlockKeyVersion">Version of the cluster object that it was taken from; 0 for a new cluster.</param>
    /// <exception cref="IOException">They could not be stored.</exception>
    public static ManagerKeys Create(string directory, ReadOnlyMemory<byte> unlockKey, ulong unlockKeyVersion)
    {
        var keys = new ManagerKeys(directory, new Content(new KeyFileSecrets(), unlockKey, unlockKeyVersion));
        keys.Change(content => content with { Secrets = content.Secrets with { DataKeys = [NewDataKey()] } });
        return keys;
    }

    /// <summary>Opens what <see cref="Create"/> has made.</summary>
    /// <param name="directory">certificates, in the data directory.</param>
    /// <param name="unlockKey">Empty: none was given.</param>
    /// <exception cref="ManagerLockedException">The keys are locked, and not with this one.</exception>
    /// <exception cref="InvalidManagerCertificateException">The file is missing or damaged.</exception>
    public static ManagerKeys Open(string directory, ReadOnlyMemory<byte> unlockKey)
    {
        var path = Path.Combine(directory, FileName);
        var legacy = new[] { LegacyKey, LegacyKey + ".next" }.Select(name => Path.Combine(directory, name)).Where(File.Exists).ToList();
        if (legacy.Count > 0)
            TakeOver(legacy, path);
        var file = KeyFile.Read(path);
        var secrets = file.Open(unlockKey.Span) ?? throw new ManagerLockedException();
        if (secrets.DataKeys.Count == 0 || secrets.DataKeys[0].Length != DataKeyBytes)
            throw new InvalidManagerCertificateException($"{path} is damaged: it holds no data key");
        return new ManagerKeys(directory, new Content(secrets, file.Locked is null ? default : unlockKey, file.UnlockKeyVersion));
    }

    /// <summary>
    /// Follows the cluster: seals the file with its unlock key, or with none. Versions only rise, so that a manager that applies old entries again
    /// after a start does not go back to an old key.
    /// </summary>
    /// <returns>
    /// Locked with a key that it was not locked with before. The data key has then changed too: the old one may be known to whoever saw
    /// the file before. The new one is in the file already, so use it; see <see cref="DataKeys"/>.
    /// </returns>
    public bool Relock(ReadOnlyMemory<byte> unlockKey, ulong version)
    {
        var isNewlyLocked = false;
        Change(content =>
        {
            if (version <= content.UnlockKeyVersion || CryptographicOperations.FixedTimeEquals(unlockKey.Span, content.UnlockKey.Span))
                return content;
            isNewlyLocked = !unlockKey.IsEmpty;
            var secrets = isNewlyLocked
                ? content.Secrets with { DataKeys = [NewDataKey(), .. content.Secrets.DataKeys], PrivateKeysAreExposed = content.Secrets.PrivateKeys.Count > 0 }
                : content.Secrets;
            return new Content(secrets, unlockKey, version);
        });
        if (isNewlyLocked && ArePrivateKeysExposed)
            PrivateKeysExposed?.Invoke();
        return isNewlyLocked;
    }

    /// <summary>This host is a manager no more, so the cluster's unlock key is not its own any longer.</summary>
    public void Unlock() => Change(content => content.UnlockKey.IsEmpty ? content : content with { UnlockKey = default, UnlockKeyVersion = 0 });

    /// <summary>Throws away all data keys but one, unless a newer one is in use already.</summary>
    public void KeepOnly(ReadOnlySpan<byte> dataKey)
    {
        var kept = dataKey.ToArray();
        Change(content => content.Secrets.DataKeys is [var present, _, ..] && present.AsSpan().SequenceEqual(kept)
            ? content with { Secrets = content.Secrets with { DataKeys = [present] } }
            : content);
    }

    internal void SetPrivateKeys(IReadOnlyList<string> pems) =>
        Change(content => content with { Secrets = content.Secrets with { PrivateKeys = pems } });

    /// <summary>The certificate has a new private key, and the others are of no use any more.</summary>
    internal void KeepOnlyPrivateKey(string pem) =>
        Change(content => content with { Secrets = content.Secrets with { PrivateKeys = [pem], PrivateKeysAreExposed = false } });

    // Before there were data keys, the certificate's key was a file of its own (or two, in the middle of a renewal), and the log was not encrypted.
    private static void TakeOver(List<string> legacy, string path)
    {
        if (!File.Exists(path))
            KeyFile.Write(path, new KeyFileSecrets { PrivateKeys = [.. legacy.Select(File.ReadAllText)], DataKeys = [NewDataKey(), []] }, default, 0);
        legacy.ForEach(File.Delete);
    }

    private static byte[] NewDataKey() => RandomNumberGenerator.GetBytes(DataKeyBytes);

    private void Change(Func<Content, Content> change)
    {
        lock (_changing)
        {
            var changed = change(_content);
            if (changed == _content)
                return;
            KeyFile.Write(_path, changed.Secrets, changed.UnlockKey.Span, changed.UnlockKeyVersion);
            _content = changed;
        }
    }

    private sealed record Content(KeyFileSecrets Secrets, ReadOnlyMemory<byte> UnlockKey, ulong UnlockKeyVersion);
}

/// <summary>The manager's keys are locked, and the unlock key was not given or is wrong.</summary>
public sealed class ManagerLockedException() : Exception("the manager's keys are locked with the cluster's unlock key");
