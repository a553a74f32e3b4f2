namespace Skep.Cli.Lab.Experiments;

/// <summary>What an experiment runs in, a network and a folder of its own; both are gone at the end, with all that runs there, whatever happens.</summary>
internal sealed class ExperimentHost : IAsyncDisposable
{
    private readonly bool _keepsFolder;

    private ExperimentHost(LabNetwork network, bool keepsFolder)
    {
        Network = network;
        _keepsFolder = keepsFolder;
        Folder = FolderOf(network.Name);
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public LabNetwork Network { get; }

    /// <summary>Logs and data.</summary>
    public string Folder { get; }

    /// <param name="keepsFolder">Whether the folder stays.</param>
    /// <exception cref="CliException">It cannot be had here: why.</exception>
    public static async Task<ExperimentHost> CreateAsync(bool keepsFolder)
    {
        foreach (var left in await LabNetwork.RemoveLeftAsync())
            Remove(FolderOf(left));
        return new ExperimentHost(await LabNetwork.CreateAsync(), keepsFolder);
    }

    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        if (!_keepsFolder)
            Remove(Folder);
    }

    private static string FolderOf(string network) => Path.Combine(Path.GetTempPath(), network);

    private static void Remove(string folder)
    {
        // What was just killed may still be leaving.
        for (var attempt = 0; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException) when (attempt < 20)
            {
                Thread.Sleep(100);
            }
        }
    }
}
