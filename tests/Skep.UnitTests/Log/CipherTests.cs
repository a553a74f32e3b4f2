using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

/// <summary>All that is written passes the cipher, and each file knows its key.</summary>
public sealed class CipherTests
{
    private readonly SimulatedFileSystem _disk = new();
    private readonly List<string> _acknowledged = [];

    [Fact]
    public void Nothing_is_written_around_the_cipher()
    {
        Run(ReplicaStart.NewGroup, new XorCipher(1), []);
        Assert.True(_disk.Paths.Count(p => p.EndsWith(".snap", StringComparison.Ordinal)) == 1);
        foreach (var path in _disk.Paths)
            Assert.DoesNotContain("entry", Encoding.Latin1.GetString(_disk.Content(path)));
    }

    [Fact]
    public void A_new_key_is_used_for_new_files_and_old_ones_stay_readable_with_the_old_key()
    {
        Run(ReplicaStart.NewGroup, new XorCipher(1), []);
        Run(ReplicaStart.Existing, new XorCipher(2), [new XorCipher(1)]);
        Run(ReplicaStart.Existing, new XorCipher(3), [new XorCipher(2), new XorCipher(1)]);
        var refusal = Assert.Throws<LogVersionException>(() => Run(ReplicaStart.Existing, new XorCipher(4), []));
        Assert.Contains("which was not given", refusal.Message);
    }

    [Fact]
    public void Without_a_cipher_a_sealed_log_is_refused()
    {
        Run(ReplicaStart.NewGroup, new XorCipher(1), []);
        Assert.Throws<LogVersionException>(() => Run(ReplicaStart.Existing, PlainRecordCipher.Instance, []));
    }

    private void Run(ReplicaStart start, IRecordCipher cipher, IReadOnlyList<IRecordCipher> older)
    {
        using var replica = new SteppedReplica(SteppedReplica.Options(_disk, start) with { Cipher = cipher, OlderCiphers = older }, new RecordingLogger());
        Assert.Equal(_acknowledged, replica.Machine.Applied);
        for (var i = 0; i < 23; i++)
            replica.Propose([$"entry {_acknowledged.Count}"], _acknowledged);
    }

    // No secret at all, but different bytes, longer ones, and bound to their place.
    private sealed class XorCipher(byte key) : IRecordCipher
    {
        public byte Scheme => 200;

        public ulong KeyId => key;

        public void Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context, IBufferWriter<byte> output)
        {
            output.Write(SHA256.HashData(context));
            foreach (var b in plain)
                output.Write([(byte)(b ^ key ^ 0xA5)]);
        }

        public ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> sealedBytes, ReadOnlySpan<byte> context)
        {
            if (!sealedBytes.Span[..32].SequenceEqual(SHA256.HashData(context)))
                throw new CryptographicException("sealed for another place");
            return sealedBytes[32..].ToArray().Select(b => (byte)(b ^ key ^ 0xA5)).ToArray();
        }
    }
}
