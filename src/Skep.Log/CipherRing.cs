namespace Skep.Log;

/// <summary>The cipher that new files are written with, and those that older files may still need.</summary>
internal sealed class CipherRing(IRecordCipher write, IReadOnlyList<IRecordCipher> older)
{
    public IRecordCipher Write { get; } = write;

    public IRecordCipher Find(byte scheme, ulong keyId, string file)
    {
        if (Write.Scheme == scheme && Write.KeyId == keyId)
            return Write;
        return older.FirstOrDefault(c => c.Scheme == scheme && c.KeyId == keyId)
            ?? throw new LogVersionException($"{file}: sealed with scheme {scheme}, key {keyId:x16}, which was not given; unlock with that key");
    }
}
