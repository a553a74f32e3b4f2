using Skep.Api.Hosting;
using Skep.Log;
using Skep.Security;
using Skep.State;

namespace Skep.Daemon;

/// <summary>What may keep skepd from starting, or end it, without being a fault of ours: told in one line that says what to do.</summary>
internal static class StartFailure
{
    public static bool IsExpected(Exception failure) => failure is ListenException
        or LogCorruptException or LogVersionException or ReplicaStoppedException
        or StateFormatException or SnapshotDamagedException or StateDivergedException
        or InvalidManagerCertificateException or InvalidDataException
        or IOException or UnauthorizedAccessException;

    /// <summary>The messages of the failure and of what caused it, in one line.</summary>
    public static string Describe(Exception failure)
    {
        var messages = new List<string>();
        for (var e = failure; e is not null; e = e.InnerException)
        {
            // Causes are often already told by what they caused.
            if (!messages.Exists(m => m.Contains(e.Message, StringComparison.Ordinal)))
                messages.Add(e.Message);
        }
        return string.Join(": ", messages).ReplaceLineEndings(" ");
    }
}
