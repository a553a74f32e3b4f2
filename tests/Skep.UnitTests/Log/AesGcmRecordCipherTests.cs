using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Skep.Log;
using Xunit;

namespace Skep.UnitTests.Log;

public sealed class AesGcmRecordCipherTests
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(AesGcmRecordCipher.KeyBytes);
    private static readonly byte[] Place = [1, 2, 3];

    private readonly AesGcmRecordCipher _cipher = new(Key);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void What_was_sealed_opens_with_another_instance_of_the_same_key(int length)
    {
        var plain = RandomNumberGenerator.GetBytes(length);
        var record = Seal(_cipher, plain);

        Assert.Equal(plain, _cipher.Open(record, Place).ToArray());
        Assert.Equal(plain, new AesGcmRecordCipher(Key).Open(record, Place).ToArray());
        Assert.Equal(_cipher.KeyId, new AesGcmRecordCipher(Key).KeyId);
    }

    [Fact]
    public void Nothing_shows_and_the_same_plaintext_never_looks_the_same()
    {
        var plain = Encoding.UTF8.GetBytes(new string('s', 200));
        var records = new HashSet<string>();
        var nonces = new HashSet<string>();
        foreach (var cipher in (AesGcmRecordCipher[])[_cipher, new(Key), new(Key)]) // the program was started again
        {
            for (var i = 0; i < 50; i++)
            {
                var record = Seal(cipher, plain);
                Assert.DoesNotContain("ssss", Encoding.Latin1.GetString(record));
                Assert.True(records.Add(Convert.ToHexString(record[24..])));
                Assert.True(nonces.Add(Convert.ToHexString(record[..24])));
            }
        }
    }

    [Fact]
    public void Any_changed_bit_another_place_and_another_key_are_refused()
    {
        var record = Seal(_cipher, "the plain text"u8);
        for (var at = 0; at < record.Length; at++)
        {
            var changed = (byte[])[.. record];
            changed[at] ^= (byte)(1 << (at % 8));
            Assert.ThrowsAny<CryptographicException>(() => _cipher.Open(changed, Place));
        }
        for (var length = 0; length < record.Length; length++)
            Assert.ThrowsAny<CryptographicException>(() => _cipher.Open(record.AsMemory(0, length), Place));
        Assert.ThrowsAny<CryptographicException>(() => _cipher.Open(record, [1, 2, 4]));
        var other = new AesGcmRecordCipher(RandomNumberGenerator.GetBytes(AesGcmRecordCipher.KeyBytes));
        Assert.ThrowsAny<CryptographicException>(() => other.Open(record, Place));
        Assert.NotEqual(_cipher.KeyId, other.KeyId);
    }

    [Fact]
    public void Threads_may_seal_and_open_at_once()
    {
        var earlier = new AesGcmRecordCipher(Key);
        Parallel.For(0, 2000, i =>
        {
            var plain = BitConverter.GetBytes(i);
            Assert.Equal(plain, _cipher.Open(Seal(i % 2 == 0 ? earlier : _cipher, plain), Place).ToArray());
        });
    }

    private static byte[] Seal(AesGcmRecordCipher cipher, ReadOnlySpan<byte> plain)
    {
        var output = new ArrayBufferWriter<byte>();
        cipher.Seal(plain, Place, output);
        return output.WrittenSpan.ToArray();
    }
}
