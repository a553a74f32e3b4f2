using Skep.Security;
using Skep.State;
using Skep.Storage.Backups;

namespace Skep.Cli;

/// <summary>What the user reads on standard error, in one line; exit code 1.</summary>
internal sealed class CliException(string message) : Exception(message)
{
    /// <summary>Runs a command: 0, or 1 and one line for every failure that is not a fault of ours.</summary>
    public static async Task<int> GuardAsync(Func<Task> command)
    {
        try
        {
            await command();
            return 0;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("skep: interrupted");
            return 1;
        }
        // Damage, formats and keys of a log are IOExceptions.
        catch (Exception e) when (e is CliException or InvalidBackupException or InvalidDataException or IOException or UnauthorizedAccessException
            or InvalidManagerCertificateException or InvalidRootException or StateFormatException or StateDivergedException or SnapshotDamagedException)
        {
            await Console.Error.WriteLineAsync("skep: " + e.Message.ReplaceLineEndings(" "));
            return 1;
        }
    }
}
