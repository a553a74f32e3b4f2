using System.Security.Cryptography;
using Google.Protobuf;
using Skep.State;
using Skep.Storage.Backups;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Storage;

/// <summary>A backup is read back as it was written, or refused with one line.</summary>
public sealed class BackupFileTests : IDisposable
{
    private static readonly byte[] UnlockKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private readonly string _folder = Directory.CreateTempSubdirectory("skep-backup").FullName;

    private string FilePath => Path.Combine(_folder, "b.skep");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_written_is_read_back(bool autolock)
    {
        using var store = Store(autolock, seed: 1);
        var manifest = Write(store);
        var backup = BackupFile.Open(FilePath);
        Assert.Equal(autolock, backup.Manifest.IsSealed);
        Assert.Equal(manifest with { Salt = null }, backup.Manifest with { Salt = null });
        Assert.Equal(new FileInfo(FilePath).Length, backup.Length);
        using var read = backup.Read(autolock ? UnlockKey : default(ReadOnlyMemory<byte>));
        Assert.Equal(Dump(store), Dump(read.Store));
        Assert.Null(read.Credentials);
        Assert.Equal((store.Read(state => state.Version), store.Read(state => state.Services.Count), "m1", "192.0.2.1:2377"),
            (backup.Manifest.StateVersion, backup.Manifest.Services, backup.Manifest.ManagerId, backup.Manifest.ManagerAddr));
    }

    [Fact]
    public void A_state_of_many_blocks_is_read_back()
    {
        using var store = Store(autolock: true, seed: 2);
        for (var i = 0; i < 6; i++)
        {
            store.Apply(Batches.Of(store.Read(state => state.Time), new Mutation
            {
                PutConfig = new PutConfig { Config = new Wire.Config { Id = $"c{i}", Spec = new Wire.ConfigSpec { Annotations = new Wire.Annotations { Name = $"c{i}" }, Data = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(700_000)) } } },
            }));
        }
        Write(store);
        using var read = BackupFile.Open(FilePath).Read(UnlockKey);
        Assert.Equal(store.Read(state => state.Configs.Values.OrderBy(c => c.Id).ToList()), read.Store.Read(state => state.Configs.Values.OrderBy(c => c.Id).ToList()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flipped_bit_anywhere_is_refused(bool autolock)
    {
        var bytes = Written(autolock);
        for (var offset = 0; offset < bytes.Length; offset++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[offset] ^= (byte)(1 << (offset % 8));
            AssertRefused(damaged);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_is_cut_off_anywhere_is_refused(bool autolock)
    {
        var bytes = Written(autolock);
        for (var length = 0; length < bytes.Length; length++)
            AssertRefused(bytes[..length]);
    }

    [Fact]
    public void One_with_something_behind_it_or_of_two_halves_is_refused()
    {
        var one = Written(autolock: false);
        var other = Written(autolock: true);
        AssertRefused([.. one, 0]);
        AssertRefused([.. one, .. one]);
        AssertRefused([.. one[..(one.Length / 2)], .. other[(other.Length / 2)..]]);
        AssertRefused(new byte[one.Length]);
    }

    /// <summary>Somebody made the checksum fit: the cipher and the state's own trailer still tell.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_checksum_that_fits_does_not_make_half_a_state_whole(bool autolock)
    {
        var bytes = Written(autolock);
        var manifestEnd = BackupFormat.HeadBytes + BitConverter.ToInt32(bytes, 8);
        var block = BitConverter.ToInt32(bytes, manifestEnd);
        byte[] cut = [.. bytes[..manifestEnd], .. BitConverter.GetBytes(block - 1), .. bytes[(manifestEnd + 4)..(manifestEnd + 4 + block - 1)], 0, 0, 0, 0];
        byte[] none = [.. bytes[..manifestEnd], 0, 0, 0, 0];
        foreach (var forged in (byte[][])[cut, none])
        {
            File.WriteAllBytes(FilePath, [.. forged, .. SHA256.HashData(forged)]);
            AssertOneLine(Assert.Throws<InvalidBackupException>(() => BackupFile.Open(FilePath).Read(autolock ? UnlockKey : default(ReadOnlyMemory<byte>))));
        }
    }

    [Fact]
    public void A_newer_format_says_to_upgrade()
    {
        var bytes = Written(autolock: false)[..^BackupFormat.HashBytes];
        bytes[BackupFormat.FormatOffset]++;
        File.WriteAllBytes(FilePath, [.. bytes, .. SHA256.HashData(bytes)]);
        var refusal = Assert.Throws<InvalidBackupException>(() => BackupFile.Open(FilePath));
        Assert.Equal($"{FilePath} is of backup format 2, this program knows formats up to 1; upgrade skep and skepd on this host", refusal.Message);
    }

    [Fact]
    public void A_state_of_a_newer_format_says_to_upgrade()
    {
        var bytes = Written(autolock: false)[..^BackupFormat.HashBytes];
        var text = "\"stateFormat\":1"u8.ToArray();
        var at = bytes.AsSpan().IndexOf(text);
        bytes[at + text.Length - 1] = (byte)'9';
        File.WriteAllBytes(FilePath, [.. bytes, .. SHA256.HashData(bytes)]);
        var refusal = Assert.Throws<InvalidBackupException>(() => BackupFile.Open(FilePath));
        Assert.Contains("a state of format 9", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("upgrade skep and skepd on this host", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sealed_one_asks_for_its_key_and_nothing_of_it_can_be_read_without()
    {
        var bytes = Written(autolock: true);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("marker-of-the-cluster"u8));
        Assert.NotEqual(-1, Written(autolock: false).AsSpan().IndexOf("marker-of-the-cluster"u8));
        Written(autolock: true);
        var backup = BackupFile.Open(FilePath);
        Assert.Contains("sealed with the unlock key", Assert.Throws<InvalidBackupException>(() => backup.Read(default)).Message, StringComparison.Ordinal);
        var other = UnlockKey.Reverse().ToArray();
        Assert.Contains("does not open with this unlock key", Assert.Throws<InvalidBackupException>(() => backup.Read(other)).Message, StringComparison.Ordinal);
    }

    private void AssertRefused(byte[] bytes)
    {
        File.WriteAllBytes(FilePath, bytes);
        AssertOneLine(Assert.Throws<InvalidBackupException>(() => BackupFile.Open(FilePath)));
    }

    private void AssertOneLine(InvalidBackupException refusal)
    {
        Assert.StartsWith(FilePath, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    private byte[] Written(bool autolock)
    {
        using var store = Store(autolock, seed: null);
        Write(store);
        return File.ReadAllBytes(FilePath);
    }

    private BackupManifest Write(StateStore store)
    {
        using var file = File.Create(FilePath);
        return BackupWriter.Write(store, () => throw new InvalidOperationException("not needed"), "m1", "1.2.3", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), file);
    }

    private static StateStore Store(bool autolock, int? seed)
    {
        var state = new ClusterState();
        foreach (var batch in seed is { } number ? Batches.RandomHistory(new Random(number), 100) : [])
            state.Apply(batch);
        var cluster = new Wire.Cluster
        {
            Id = "cluster",
            RootCa = new Wire.RootCA { CaKey = ByteString.CopyFromUtf8("key") },
            Spec = new Wire.ClusterSpec { Annotations = new Wire.Annotations { Name = "marker-of-the-cluster" }, EncryptionConfig = new Wire.EncryptionConfig { AutoLockManagers = autolock } },
            UnlockKeys = { new Wire.EncryptionKey { Subsystem = Wire.UnlockKey.Subsystem, Key = ByteString.CopyFrom(UnlockKey) } },
        };
        state.Apply(Batches.Of(
            state.Time,
            new Mutation { PutCluster = new PutCluster { Cluster = cluster } },
            new Mutation { PutManager = new PutManager { Manager = new Skep.State.Manager { Id = "m1", RaftId = 1, Addr = "192.0.2.1:2377" } } }));
        var store = new StateStore();
        store.Reset(state);
        return store;
    }

    private static string Dump(StateStore store) => store.Read(Batches.Dump);
}
