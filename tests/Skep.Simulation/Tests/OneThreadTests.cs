using Xunit;

namespace Skep.Simulation.Tests;

/// <summary>What the simulation drives must stay on the scheduler that it was started on: see State.Waiting.</summary>
public sealed class OneThreadTests
{
    private static readonly string[] Forbidden = ["Task.Run(", ".CancelAsync(", "SemaphoreSlim", ".ConfigureAwait(", ".Task.WaitAsync(", "TaskScheduler.Default"];

    [Fact]
    public void Code_that_is_simulated_never_leaves_its_scheduler()
    {
        var source = Path.Combine(Root(), "src");
        string[] files =
        [
            .. Directory.GetFiles(Path.Combine(source, "Skep.State"), "*.cs"),
            .. Directory.GetFiles(Path.Combine(source, "Skep.Manager"), "*.cs"),
            .. Directory.GetFiles(Path.Combine(source, "Skep.Dispatch"), "*.cs"),
            .. Directory.GetFiles(Path.Combine(source, "Skep.Dispatch", "Leader"), "*.cs"),
            Path.Combine(source, "skepd", "Swarm", "Leadership.cs"),
            Path.Combine(source, "skepd", "Swarm", "MembershipKeeper.cs"),
        ];
        // The allocator of attachments waits for nothing but the manager, and is not simulated.
        var found =
            from file in files.Where(f => !f.EndsWith("ResourceAllocatorService.cs", StringComparison.Ordinal))
            from line in File.ReadLines(file)
            let code = line.Split("//")[0]
            from word in Forbidden
            where code.Contains(word, StringComparison.Ordinal)
            select $"{Path.GetFileName(file)}: {line.Trim()}";
        Assert.Empty(found);
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Skep.slnx")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
