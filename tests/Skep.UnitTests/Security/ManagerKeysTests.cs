using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Skep.Security;
using Skep.Security.Keys;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

[SupportedOSPlatform("linux")]
public sealed class ManagerKeysTests : IDisposable
{
    private const string PrivateKey = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n";

    private static readonly byte[] First = RandomNumberGenerator.GetBytes(UnlockKey.Bytes);
    private static readonly byte[] Second = RandomNumberGenerator.GetBytes(UnlockKey.Bytes);
    private static readonly byte[] None = [];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-keys-");

    private string Folder => Path.Combine(_directory.FullName, "certificates");

    private string KeyPath => Path.Combine(Folder, ManagerKeys.FileName);

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Without_autolock_the_files_mode_protects_them()
    {
        var keys = Create(None);

        Assert.False(keys.AreLocked);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyPath));
        Assert.Equal([KeyPath], Directory.GetFiles(Folder));
        AssertSame(keys, ManagerKeys.Open(Folder, None));
        AssertSame(keys, ManagerKeys.Open(Folder, First)); // a key that is not needed does no harm
    }

    [Fact]
    public void Locked_from_the_beginning_they_open_with_the_right_key_only_and_nothing_shows()
    {
        var keys = Create(First);

        Assert.True(keys.AreLocked);
        Assert.Throws<ManagerLockedException>(() => ManagerKeys.Open(Folder, None));
        Assert.Throws<ManagerLockedException>(() => ManagerKeys.Open(Folder, Second));
        Assert.Throws<ManagerLockedException>(() => ManagerKeys.Open(Folder, First.AsMemory(0, 5)));
        AssertNothingShows(keys);
        AssertSame(keys, ManagerKeys.Open(Folder, First));
        Assert.True(ManagerKeys.Open(Folder, First).AreLocked);
    }

    [Fact]
    public void They_follow_the_cluster_and_get_a_new_data_key_whenever_they_are_locked()
    {
        var keys = Create(None);
        var original = keys.DataKeys[0];

        Assert.False(keys.Relock(None, 3)); // as it is
        Assert.True(keys.Relock(First, 4)); // autolock is turned on
        Assert.Equal([original], keys.DataKeys.Skip(1));
        var second = keys.DataKeys[0];
        Assert.False(keys.Relock(First, 5));
        Assert.True(keys.Relock(Second, 6)); // rotated, before the log has ended its first change
        Assert.Equal([second, original], keys.DataKeys.Skip(1));

        Assert.Throws<ManagerLockedException>(() => ManagerKeys.Open(Folder, First));
        AssertSame(keys, ManagerKeys.Open(Folder, Second));

        keys.KeepOnly(second.Span); // says the log of its first change, too late
        Assert.Equal(3, keys.DataKeys.Count);
        keys.KeepOnly(keys.DataKeys[0].Span);
        AssertSame(keys, ManagerKeys.Open(Folder, Second));
        var last = Assert.Single(keys.DataKeys);

        Assert.False(keys.Relock(None, 7)); // turned off: nothing to hide from anybody, so the data key stays
        Assert.Equal(last.ToArray(), Assert.Single(ManagerKeys.Open(Folder, None).DataKeys).ToArray());
    }

    [Fact]
    public void Old_news_do_not_bring_an_old_key_back()
    {
        var keys = Create(First);
        keys.Relock(Second, 10);

        Assert.False(keys.Relock(First, 9));
        Assert.False(ManagerKeys.Open(Folder, Second).Relock(First, 10));
        Assert.False(ManagerKeys.Open(Folder, Second).Relock(None, 8));
        Assert.True(ManagerKeys.Open(Folder, Second).AreLocked);
    }

    [Fact]
    public void What_cannot_be_stored_has_not_happened()
    {
        var keys = Create(First);
        var before = keys.DataKeys;
        Directory.CreateDirectory(KeyPath + ".tmp"); // stands in the way

        Assert.ThrowsAny<Exception>(() => keys.Relock(Second, 2));

        Assert.Equal(before, keys.DataKeys);
        AssertSame(keys, ManagerKeys.Open(Folder, First));
        Directory.Delete(KeyPath + ".tmp");
        Assert.True(keys.Relock(Second, 2));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"format\":1}")]
    [InlineData("{\"format\":2}")]
    [InlineData("{\"format\":1,\"keys\":{\"privateKeys\":[],\"dataKeys\":[]}}")]
    [InlineData("{\"format\":1,\"keys\":{\"privateKeys\":[],\"dataKeys\":[\"AAAA\"]}}")]
    public void A_damaged_or_newer_file_is_refused_by_name(string content)
    {
        Create(None);
        File.WriteAllText(KeyPath, content);
        var refusal = Assert.Throws<InvalidManagerCertificateException>(() => ManagerKeys.Open(Folder, None));
        Assert.Contains(KeyPath, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void A_missing_file_is_refused() => Assert.Throws<InvalidManagerCertificateException>(() => ManagerKeys.Open(Folder, None));

    [Fact]
    public void The_key_of_a_manager_from_before_is_taken_over_with_its_readable_log()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "swarm-node.key"), PrivateKey);

        var keys = ManagerKeys.Open(Folder, None);

        Assert.Equal([PrivateKey], keys.PrivateKeys);
        Assert.Equal([32, 0], keys.DataKeys.Select(key => key.Length)); // an empty one: not encrypted
        Assert.Equal([KeyPath], Directory.GetFiles(Folder));
        AssertSame(keys, ManagerKeys.Open(Folder, None));
        keys.KeepOnly(keys.DataKeys[0].Span);
        Assert.Single(ManagerKeys.Open(Folder, None).DataKeys);
    }

    [Fact]
    public void An_unlock_key_is_written_and_read_as_stock_does()
    {
        Assert.Equal("SWMKEY-1-" + Convert.ToBase64String(First).TrimEnd('='), UnlockKey.Format(First));
        Assert.Equal(First, UnlockKey.Parse(UnlockKey.Format(First)));
        foreach (var wrong in (string[])["", "SWMKEY-1-", "SWMKEY-1-ab=", "SWMKEY-1-a", "SWMKEY-1-a!bc", "swmkey-1-abcd", "SWMTKN-1-abcd", UnlockKey.Format(First) + "="])
        {
            var refusal = Assert.Throws<FormatException>(() => UnlockKey.Parse(wrong));
            Assert.Equal("invalid key string", refusal.Message);
        }
    }

    private ManagerKeys Create(byte[] unlockKey)
    {
        var keys = ManagerKeys.Create(Folder, unlockKey, 1);
        keys.SetPrivateKeys([PrivateKey]);
        return keys;
    }

    private void AssertNothingShows(ManagerKeys keys)
    {
        var content = File.ReadAllText(KeyPath);
        Assert.DoesNotContain("PRIVATE KEY", content, StringComparison.Ordinal);
        foreach (var secret in (byte[][])[First, keys.DataKeys[0].ToArray(), Encoding.UTF8.GetBytes(PrivateKey)])
        {
            Assert.DoesNotContain(Convert.ToBase64String(secret), content, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexString(secret), content, StringComparison.OrdinalIgnoreCase);
        }
    }

    private static void AssertSame(ManagerKeys expected, ManagerKeys actual)
    {
        Assert.Equal(expected.PrivateKeys, actual.PrivateKeys);
        Assert.Equal(expected.DataKeys.Select(key => Convert.ToHexString(key.Span)), actual.DataKeys.Select(key => Convert.ToHexString(key.Span)));
    }
}
