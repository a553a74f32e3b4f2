using Skep.Log;
using Skep.Security.Keys;

namespace Skep.Storage;

/// <summary>A manager's data keys as its log wants them.</summary>
public static class LogCiphers
{
    /// <summary>See <see cref="ReplicaOptions.Cipher"/>.</summary>
    public static IRecordCipher Present(ManagerKeys keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return Of(keys.DataKeys[0]);
    }

    /// <summary>See <see cref="ReplicaOptions.OlderCiphers"/>.</summary>
    public static IReadOnlyList<IRecordCipher> Older(ManagerKeys keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return [.. keys.DataKeys.Skip(1).Select(Of)];
    }

    private static IRecordCipher Of(ReadOnlyMemory<byte> key) => key.IsEmpty ? PlainRecordCipher.Instance : new AesGcmRecordCipher(key.Span);
}
