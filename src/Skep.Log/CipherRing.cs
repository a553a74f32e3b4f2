namespace Skep.Log;

/// <summary>
/// The cipher that new files are written with, and those that older files may still need. Changed on the replica's thread, read on any.
/// </summary>
internal sealed class CipherRing(IRecordCipher write, IReadOnlyList<IRecordCipher> older)
{
    private volatile IRecordCipher[] _ciphers = [write, .. older.Where(o => !IsSame(o, write.Scheme, write.KeyId))]; // newest first

    public IRecordCipher Write => _ciphers[0];

    /// <summary>Something on disk may still need another cipher than <see cref="Write"/>.</summary>
    public bool HasOlder => _ciphers.Length > 1;

    public IRecordCipher Find(byte scheme, ulong keyId, string file) =>
        Array.Find(_ciphers, c => IsSame(c, scheme, keyId))
        ?? throw new LogVersionException($"{file}: sealed with scheme {scheme}, key {keyId:x16}, which was not given; unlock with that key");

    /// <summary>New files are written with another cipher; those of the present ones stay readable.</summary>
    public void Change(IRecordCipher next) => _ciphers = [next, .. _ciphers.Where(c => !IsSame(c, next.Scheme, next.KeyId))];

    /// <summary>Nothing on disk needs another cipher than <see cref="Write"/> any more.</summary>
    public void ForgetOlder() => _ciphers = [Write];

    private static bool IsSame(IRecordCipher cipher, byte scheme, ulong keyId) => cipher.Scheme == scheme && cipher.KeyId == keyId;
}
