using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Skep.Log;
using Skep.State;

namespace Skep.Storage.Backups;

/// <summary>A backup on the disk, checked as a whole before anything of it is used.</summary>
public sealed class BackupFile
{
    private readonly string _path;
    private readonly byte[] _manifestBytes;

    private BackupFile(string path, byte[] manifestBytes, BackupManifest manifest, long length)
    {
        _path = path;
        _manifestBytes = manifestBytes;
        Manifest = manifest;
        Length = length;
    }

    public BackupManifest Manifest { get; }

    /// <summary>In bytes.</summary>
    public long Length { get; }

    /// <summary>Opens a backup and checks that no bit of it has changed.</summary>
    /// <exception cref="InvalidBackupException">It is no backup, damaged, cut off, or of a newer skepd.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static BackupFile Open(string path)
    {
        using var file = OpenRead(path);
        CheckHash(file, path);
        file.Position = 0;
        var head = new byte[BackupFormat.HeadBytes];
        file.ReadExactly(head);
        if (head[BackupFormat.FormatOffset] > BackupFormat.Current)
            throw new InvalidBackupException($"{path} is of backup format {head[BackupFormat.FormatOffset]}, this program knows formats up to {BackupFormat.Current}; upgrade skep and skepd on this host");
        var length = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(BackupFormat.HeadBytes - BackupFormat.LengthBytes));
        if (length is <= 0 or > BackupFormat.MaxManifestBytes)
            throw Damaged(path, "its manifest is of no possible length");
        var bytes = new byte[length];
        try
        {
            file.ReadExactly(bytes);
            var manifest = BackupManifest.Decode(bytes);
            return manifest.StateFormat <= StateSnapshot.Format
                ? new BackupFile(path, bytes, manifest, file.Length)
                : throw new InvalidBackupException($"{path} holds a state of format {manifest.StateFormat}, this program knows formats up to {StateSnapshot.Format}; upgrade skep and skepd on this host");
        }
        catch (Exception e) when (e is JsonException or EndOfStreamException)
        {
            throw Damaged(path, "its manifest cannot be read");
        }
    }

    /// <summary>Reads what is in it.</summary>
    /// <param name="unlockKey">The cluster's, if the backup is sealed.</param>
    /// <exception cref="InvalidBackupException">The key is wrong or missing, or what is in it cannot be read.</exception>
    public SavedCluster Read(ReadOnlyMemory<byte> unlockKey)
    {
        if (Manifest.IsSealed && unlockKey.IsEmpty)
            throw new InvalidBackupException($"{_path} is sealed with the unlock key that the cluster had (docker swarm unlock-key): give it");
        using var file = OpenRead(_path);
        file.Position = BackupFormat.HeadBytes + _manifestBytes.Length;
        using var blocks = new BlockReader(file, _path, _manifestBytes, Manifest.Salt is { } salt ? BackupFormat.Cipher(unlockKey.Span, salt) : null);
        var store = new StateStore();
        try
        {
            var credentials = ReadCredentials(blocks);
            var state = StateSnapshot.Read(blocks);
            blocks.RequireEnd();
            if (state.Cluster?.Id != Manifest.ClusterId || state.Version != Manifest.StateVersion)
                throw Damaged(_path, "its manifest is another backup's");
            store.Reset(state);
            return new SavedCluster(store, credentials);
        }
        catch (Exception e)
        {
            store.Dispose();
            if (e is SnapshotDamagedException or JsonException or EndOfStreamException)
                throw Damaged(_path, e.Message);
            if (e is StateFormatException)
                throw new InvalidBackupException($"{_path}: {e.Message}");
            throw;
        }
    }

    /// <exception cref="JsonException">They cannot be.</exception>
    /// <exception cref="EndOfStreamException">It is cut off.</exception>
    private static ManagerCredentials? ReadCredentials(Stream content)
    {
        var lengthBytes = new byte[BackupFormat.LengthBytes];
        content.ReadExactly(lengthBytes);
        var length = BinaryPrimitives.ReadInt32LittleEndian(lengthBytes);
        if (length == 0)
            return null;
        if (length is < 0 or > BackupFormat.MaxManifestBytes)
            throw new JsonException("the credentials are of no possible length");
        var json = new byte[length];
        content.ReadExactly(json);
        return JsonSerializer.Deserialize(json, ManagerCredentialsJson.Default.ManagerCredentials);
    }

    private static FileStream OpenRead(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, BackupFormat.BlockBytes);

    private static void CheckHash(FileStream file, string path)
    {
        var head = new byte[BackupFormat.HeadBytes];
        if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head.AsSpan().StartsWith(BackupFormat.Magic))
            throw new InvalidBackupException($"{path} is no backup of skep, or its beginning is damaged");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        var buffer = new byte[BackupFormat.BlockBytes];
        for (var left = file.Length - head.Length - BackupFormat.HashBytes; left > 0;)
        {
            var read = file.Read(buffer, 0, (int)Math.Min(buffer.Length, left));
            if (read == 0)
                throw Damaged(path, "it is cut off");
            hash.AppendData(buffer, 0, read);
            left -= read;
        }
        var stored = new byte[BackupFormat.HashBytes];
        if (file.ReadAtLeast(stored, stored.Length, throwOnEndOfStream: false) < stored.Length || !hash.GetHashAndReset().AsSpan().SequenceEqual(stored))
            throw Damaged(path, "it does not match its checksum, or is cut off");
    }

    private static InvalidBackupException Damaged(string path, string what) => new($"{path} is damaged: {what}; use another backup");

    /// <summary>The content of the blocks, opened.</summary>
    private sealed class BlockReader(FileStream file, string path, byte[] manifest, AesGcmRecordCipher? cipher) : Stream
    {
        private ReadOnlyMemory<byte> _block;
        private long _number;
        private bool _ended;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty)
                return 0;
            if (_block.IsEmpty && !_ended)
                ReadBlock();
            var take = Math.Min(buffer.Length, _block.Length);
            _block.Span[..take].CopyTo(buffer);
            _block = _block[take..];
            return take;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public void RequireEnd()
        {
            Span<byte> one = stackalloc byte[1];
            if (Read(one) != 0 || file.Position != file.Length - BackupFormat.HashBytes)
                throw Damaged(path, "something follows its state");
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private void ReadBlock()
        {
            try
            {
                var lengthBytes = new byte[BackupFormat.LengthBytes];
                file.ReadExactly(lengthBytes);
                var length = BinaryPrimitives.ReadInt32LittleEndian(lengthBytes);
                _ended = length == 0;
                if (_ended)
                    return;
                if (length is < 0 or > BackupFormat.MaxBlockBytes)
                    throw Damaged(path, "a block is of no possible length");
                var block = new byte[length];
                file.ReadExactly(block);
                _block = cipher is null ? block : cipher.Open(block, BackupFormat.ContextOf(manifest, _number));
                _number++;
            }
            catch (EndOfStreamException)
            {
                throw Damaged(path, "it is cut off");
            }
            catch (CryptographicException)
            {
                throw new InvalidBackupException($"{path} does not open with this unlock key: give the one that the cluster had when the backup was made");
            }
        }
    }
}

/// <summary>A backup cannot be used. The message is one line that names the file and says what to do.</summary>
public sealed class InvalidBackupException(string message) : Exception(message);
