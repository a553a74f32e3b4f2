using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Skep.Log;
using Skep.Security;
using Skep.State;

namespace Skep.Storage.Backups;

/// <summary>Writes the state of a running manager as a backup: taken hold of at one version in about a millisecond, written while the cluster goes on.</summary>
public static class BackupWriter
{
    /// <summary>Writes a whole backup, sealed with the cluster's unlock key while it has one.</summary>
    /// <param name="store">The committed state, as fresh as the backup is to be.</param>
    /// <param name="certificate">The manager's, for clusters that need it: see <see cref="ManagerCredentials"/>.</param>
    /// <param name="managerId">The manager that writes it.</param>
    /// <param name="skepVersion">The program's.</param>
    /// <param name="now">The time.</param>
    /// <param name="output">Written forwards only, synchronously.</param>
    /// <exception cref="InvalidOperationException">There is no cluster.</exception>
    public static BackupManifest Write(StateStore store, Func<ManagerCertificate> certificate, string managerId, string skepVersion, DateTimeOffset now, Stream output)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(output);
        var (snapshot, cluster, manifest) = store.Read(state => Capture(state, managerId, skepVersion, now));
        var credentials = ManagerCredentials.Of(cluster, certificate) is { } needed ? JsonSerializer.SerializeToUtf8Bytes(needed, ManagerCredentialsJson.Default.ManagerCredentials) : [];
        using var blocks = new BlockStream(output, manifest.Encode(), manifest.Salt is { } salt ? BackupFormat.Cipher(Wire.UnlockKey.Of(cluster).Span, salt) : null);
        Span<byte> length = stackalloc byte[BackupFormat.LengthBytes];
        BinaryPrimitives.WriteInt32LittleEndian(length, credentials.Length);
        blocks.Write(length);
        blocks.Write(credentials);
        snapshot.WriteTo(blocks);
        blocks.Complete();
        return manifest;
    }

    private static (StateSnapshot Snapshot, Wire.Cluster Cluster, BackupManifest Manifest) Capture(ClusterState state, string managerId, string skepVersion, DateTimeOffset now)
    {
        var cluster = state.Cluster ?? throw new InvalidOperationException("there is no cluster yet");
        var manifest = new BackupManifest
        {
            SkepVersion = skepVersion,
            CreatedAt = now,
            ClusterId = cluster.Id,
            ManagerId = managerId,
            ManagerAddr = state.Managers.GetValueOrDefault(managerId)?.Addr ?? "",
            StateVersion = state.Version,
            StateFormat = StateSnapshot.Format,
            Nodes = state.Nodes.Count,
            Services = state.Services.Count,
            Tasks = state.Tasks.Count,
            Secrets = state.Secrets.Count,
            Configs = state.Configs.Count,
            Networks = state.Networks.Count,
            Salt = Wire.UnlockKey.Of(cluster).IsEmpty ? null : RandomNumberGenerator.GetBytes(BackupFormat.SaltBytes),
        };
        return (StateSnapshot.Capture(state), cluster, manifest);
    }

    /// <summary>Cuts what is written to it into blocks, and keeps the hash of all.</summary>
    private sealed class BlockStream : Stream
    {
        private readonly Stream _output;
        private readonly byte[] _manifest;
        private readonly AesGcmRecordCipher? _cipher;
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly byte[] _block = new byte[BackupFormat.BlockBytes];
        private readonly ArrayBufferWriter<byte> _sealed = new();
        private int _filled;
        private long _number;

        public BlockStream(Stream output, byte[] manifest, AesGcmRecordCipher? cipher)
        {
            _output = output;
            _manifest = manifest;
            _cipher = cipher;
            var head = new byte[BackupFormat.HeadBytes];
            BackupFormat.Magic.CopyTo(head);
            head[BackupFormat.FormatOffset] = BackupFormat.Current;
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(BackupFormat.HeadBytes - BackupFormat.LengthBytes), manifest.Length);
            Put(head);
            Put(manifest);
        }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            while (!buffer.IsEmpty)
            {
                var take = Math.Min(buffer.Length, _block.Length - _filled);
                buffer[..take].CopyTo(_block.AsSpan(_filled));
                _filled += take;
                buffer = buffer[take..];
                if (_filled == _block.Length)
                    PutBlock();
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public void Complete()
        {
            if (_filled > 0)
                PutBlock();
            PutLength(0);
            _output.Write(_hash.GetHashAndReset());
            _output.Flush();
        }

        public override void Flush()
        {
            // Only whole blocks are written.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _hash.Dispose();
            base.Dispose(disposing);
        }

        private void PutBlock()
        {
            ReadOnlySpan<byte> block = _block.AsSpan(0, _filled);
            if (_cipher is not null)
            {
                _sealed.ResetWrittenCount();
                _cipher.Seal(block, BackupFormat.ContextOf(_manifest, _number), _sealed);
                block = _sealed.WrittenSpan;
            }
            PutLength(block.Length);
            Put(block);
            _filled = 0;
            _number++;
        }

        private void PutLength(int length)
        {
            Span<byte> bytes = stackalloc byte[BackupFormat.LengthBytes];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
            Put(bytes);
        }

        private void Put(ReadOnlySpan<byte> bytes)
        {
            _hash.AppendData(bytes);
            _output.Write(bytes);
        }
    }
}
