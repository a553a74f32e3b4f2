using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Skep.Log;

/// <summary>
/// AES-256-GCM under keys derived from one data key. A sealed record is: salt (16 bytes), counter (8), ciphertext, tag (16).
/// </summary>
/// <remarks>
/// A nonce used twice would give the plaintexts away, so nothing that is read back from the disk decides on one: a torn frame is written again at
/// the same place, and a restored copy of a disk would count on from the same number. Instead, each instance (each start of the program) draws a
/// salt of 128 random bits, derives a key of its own from it and the data key, and counts its records under that key. A nonce could only
/// repeat if two starts drew the same salt. Any thread may seal and open.
/// </remarks>
public sealed class AesGcmRecordCipher : IRecordCipher
{
    /// <summary>Bytes of a data key.</summary>
    public const int KeyBytes = 32;

    private const int SaltBytes = 16;
    private const int CounterBytes = 8;
    private const int HeaderBytes = SaltBytes + CounterBytes;
    private const int TagBytes = 16;
    private const int NonceBytes = 12;

    private readonly byte[] _key;
    private readonly Session _writing;
    private Session? _lastRead;
    private ulong _counter;

    /// <param name="key">The data key, <see cref="KeyBytes"/> random bytes.</param>
    public AesGcmRecordCipher(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyBytes);
        _key = key.ToArray();
        KeyId = IdOf(key);
        _writing = new Session(_key, RandomNumberGenerator.GetBytes(SaltBytes));
    }

    public byte Scheme => 1;

    public ulong KeyId { get; }

    /// <summary>What names a data key without giving it away; see <see cref="IRecordCipher.KeyId"/>.</summary>
    public static ulong IdOf(ReadOnlySpan<byte> key)
    {
        Span<byte> id = stackalloc byte[8];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, id, salt: [], info: "skep data key id"u8);
        return BinaryPrimitives.ReadUInt64LittleEndian(id);
    }

    public void Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = HeaderBytes + plain.Length + TagBytes;
        var record = output.GetSpan(length)[..length];
        _writing.Salt.CopyTo(record);
        BinaryPrimitives.WriteUInt64LittleEndian(record[SaltBytes..], Interlocked.Increment(ref _counter));
        _writing.Encrypt(record[SaltBytes..HeaderBytes], plain, record.Slice(HeaderBytes, plain.Length), record[^TagBytes..], context);
        output.Advance(length);
    }

    public ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> sealedBytes, ReadOnlySpan<byte> context)
    {
        var record = sealedBytes.Span;
        if (record.Length < HeaderBytes + TagBytes)
            throw new CryptographicException("the sealed record is cut off");
        var plain = GC.AllocateUninitializedArray<byte>(record.Length - HeaderBytes - TagBytes);
        SessionOf(record[..SaltBytes]).Decrypt(record[SaltBytes..HeaderBytes], record[HeaderBytes..^TagBytes], record[^TagBytes..], plain, context);
        return plain;
    }

    // Records of one session stand together. What is replaced is left to the collector: another thread may be reading with it.
    private Session SessionOf(ReadOnlySpan<byte> salt)
    {
        if (_writing.Salt.AsSpan().SequenceEqual(salt))
            return _writing;
        var session = Volatile.Read(ref _lastRead);
        if (session is null || !session.Salt.AsSpan().SequenceEqual(salt))
            Volatile.Write(ref _lastRead, session = new Session(_key, salt.ToArray()));
        return session;
    }

    // The lock: AesGcm does one thing at a time, and the log and a snapshot may be written at once.
    [SuppressMessage("Design", "CA1001", Justification = "left to the collector: another thread may be in the middle of a record")]
    private sealed class Session
    {
        private readonly Lock _lock = new();
        private readonly AesGcm _aes;

        public Session(byte[] key, byte[] salt)
        {
            Salt = salt;
            Span<byte> sessionKey = stackalloc byte[KeyBytes];
            HKDF.DeriveKey(HashAlgorithmName.SHA256, key, sessionKey, salt, info: "skep log records"u8);
            _aes = new AesGcm(sessionKey, TagBytes);
            CryptographicOperations.ZeroMemory(sessionKey);
        }

        public byte[] Salt { get; }

        public void Encrypt(ReadOnlySpan<byte> counter, ReadOnlySpan<byte> plain, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> context)
        {
            Span<byte> nonce = stackalloc byte[NonceBytes];
            counter.CopyTo(nonce);
            lock (_lock)
                _aes.Encrypt(nonce, plain, ciphertext, tag, context);
        }

        public void Decrypt(ReadOnlySpan<byte> counter, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plain, ReadOnlySpan<byte> context)
        {
            Span<byte> nonce = stackalloc byte[NonceBytes];
            counter.CopyTo(nonce);
            lock (_lock)
                _aes.Decrypt(nonce, ciphertext, tag, plain, context);
        }
    }
}
