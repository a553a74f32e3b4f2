using System.CommandLine;
using System.Globalization;
using Skep.Log;
using Skep.Storage.Backups;

namespace Skep.Cli;

/// <summary>skep backup FILE: the whole cluster in one file, taken while it runs; skep backup verify FILE.</summary>
internal static class BackupCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);

    public static Command Create(Option<string?> host)
    {
        var file = new Argument<string>("FILE") { Description = "Where to put it (mode 0600; replaced only when the new one is complete)" };
        var json = Json();
        var command = new Command("backup", """
            Write the whole cluster into FILE while it runs: services, nodes, secrets, configs, root CA, tokens. Everything that was
            acknowledged before the call is in it. It holds the cluster's keys: keep it like one. With autolock on it is sealed with
            the unlock key, and skep restore asks for that.

            Examples:
              skep backup /var/backups/swarm.skep
              skep -H tcp://192.0.2.10:2376 backup swarm.skep --json
              skep backup verify /var/backups/swarm.skep
            """) { file, json };
        command.SetAction((arguments, cancellation) => CliException.GuardAsync(() => RunAsync(arguments.GetValue(host), arguments.GetRequiredValue(file), arguments.GetValue(json), cancellation)));
        command.Subcommands.Add(CreateVerify());
        return command;
    }

    private static Command CreateVerify()
    {
        var file = new Argument<string>("FILE") { Description = "A backup" };
        var json = Json();
        var command = new Command("verify", $"""
            Check that no bit of a backup has changed, that this program can read it, and say what is in it. Of one that is
            sealed, what is inside is read too when {UnlockKeyInput.Variable} is set. Changes nothing.

            Example: skep backup verify /var/backups/swarm.skep
            """) { file, json };
        command.SetAction((arguments, _) => CliException.GuardAsync(() => Verify(arguments.GetRequiredValue(file), arguments.GetValue(json))));
        return command;
    }

    private static async Task RunAsync(string? host, string path, bool asJson, CancellationToken cancellation)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            throw new CliException($"{path} is a directory: give the name of a file");
        using var api = DockerApi.Connect(host);
        var files = new DiskFileSystem();
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var target = files.Create(temporary))
            {
                await api.DownloadAsync("/skep/backup", new Progress(target).Write, cancellation);
                target.Sync();
            }
            // What came over the wire is what counts, not what was sent.
            var backup = BackupFile.Open(temporary);
            files.Rename(temporary, path);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
            BackupReport.Print("backup written to", path, backup, isWhole: false, asJson);
        }
        finally
        {
            files.Delete(temporary);
        }
    }

    private static Task Verify(string path, bool asJson)
    {
        var backup = BackupFile.Open(path);
        var key = UnlockKeyInput.FromEnvironment();
        var isReadable = !backup.Manifest.IsSealed || !key.IsEmpty;
        if (isReadable)
            backup.Read(key).Dispose();
        BackupReport.Print("sound:", path, backup, isWhole: isReadable, asJson);
        return Task.CompletedTask;
    }

    private static Option<bool> Json() => new("--json") { Description = "One JSON object instead of sentences" };

    /// <summary>Writes to the file, and says on standard error how far it is.</summary>
    private sealed class Progress(IFile target)
    {
        private long _length;
        private long _told = TimeProvider.System.GetTimestamp();

        public void Write(ReadOnlySpan<byte> bytes)
        {
            target.Write(_length, bytes);
            _length += bytes.Length;
            if (TimeProvider.System.GetElapsedTime(_told) < ProgressInterval)
                return;
            _told = TimeProvider.System.GetTimestamp();
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"skep: {_length / 1048576.0:0.0} MiB"));
        }
    }
}
