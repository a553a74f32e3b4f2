using System.Reflection;
using Xunit;

namespace Skep.UnitTests.Architecture;

/// <summary>Which part may refer to which: ARCHITECTURE.md, "The parts". No part names one above it.</summary>
public sealed class ReferencesTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Skep.Wire"] = [],
        ["Skep.State"] = ["Skep.Wire"],
        ["Skep.Raft"] = [],
        ["Skep.Rpc"] = [],
        ["Skep.Log"] = ["Skep.Raft"],
        ["Skep.Manager"] = ["Skep.State", "Skep.Wire"],
        ["Skep.Dispatch"] = ["Skep.Manager", "Skep.Rpc", "Skep.State", "Skep.Wire"],
        ["Skep.Security"] = ["Skep.Manager", "Skep.Rpc", "Skep.State", "Skep.Wire"],
        ["Skep.Api"] = ["Skep.Manager", "Skep.State", "Skep.Wire"],
        ["Skep.Storage"] = ["Skep.Log", "Skep.Manager", "Skep.Raft", "Skep.Security", "Skep.State", "Skep.Wire"],
        ["Skep.Agent"] = ["Skep.Rpc", "Skep.Wire"],
    };

    /// <summary>Namespaces that would be I/O in a part that must be pure.</summary>
    private static readonly string[] ImpureAssemblies =
        ["System.Net.Sockets", "System.Net.Http", "System.IO.FileSystem", "System.IO.Pipes", "System.Diagnostics.Process", "Microsoft.AspNetCore", "Grpc.AspNetCore", "Grpc.Net"];

    public static TheoryData<string> Parts => [.. Allowed.Keys];

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_names_only_the_parts_below_it(string part)
    {
        var named = Assembly.Load(part).GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => name.StartsWith("Skep", StringComparison.OrdinalIgnoreCase));
        Assert.Empty(named.Except(Allowed[part]));
    }

    [Theory]
    [InlineData("Skep.State")]
    [InlineData("Skep.Raft")]
    [InlineData("Skep.Manager")]
    public void A_pure_part_names_no_library_that_does_io(string part)
    {
        var named = Assembly.Load(part).GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(named, name => ImpureAssemblies.Any(impure => name.StartsWith(impure, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Skep.State")]
    [InlineData("Skep.Raft")]
    [InlineData("Skep.Manager")]
    public void A_pure_part_reads_no_clock_and_makes_no_chance(string part)
    {
        var source = Path.Combine(SourceRoot(), "src", part);
        var forbidden = new[] { "DateTime.Now", "DateTime.UtcNow", "DateTimeOffset.Now", "DateTimeOffset.UtcNow", "Guid.NewGuid", "Stopwatch", "Environment.TickCount", "Random.Shared", "Thread.Sleep", "Task.Delay(" };
        var found =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            from line in File.ReadLines(file)
            let code = line.Split("//")[0]
            from word in forbidden
            where code.Contains(word, StringComparison.Ordinal)
            select $"{Path.GetFileName(file)}: {line.Trim()}";
        Assert.Empty(found);
    }

    [Theory]
    [InlineData("Skep.Manager")]
    [InlineData("Skep.Dispatch")]
    public void What_the_simulation_runs_stays_on_its_thread(string part)
    {
        var source = Path.Combine(SourceRoot(), "src", part);
        var forbidden = new[] { "ConfigureAwait(", "Task.Run(", "SemaphoreSlim" };
        var found =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(source, file)
            // Readers' logs are no part of it.
            where !path.StartsWith("obj", StringComparison.Ordinal) && !path.StartsWith("Logs", StringComparison.Ordinal)
            from line in File.ReadLines(file)
            where forbidden.Any(word => line.Split("//")[0].Contains(word, StringComparison.Ordinal))
            select $"{path}: {line.Trim()}";
        Assert.Empty(found);
    }

    [Fact]
    public void No_source_file_is_longer_than_600_lines()
    {
        var long_ =
            from folder in new[] { "src", "tests", "bench" }
            let path = Path.Combine(SourceRoot(), folder)
            where Directory.Exists(path)
            from file in Directory.EnumerateFiles(path, "*.cs", SearchOption.AllDirectories)
            where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            let lines = File.ReadLines(file).Count()
            where lines > 600
            select $"{Path.GetFileName(file)} has {lines} lines";
        Assert.Empty(long_);
    }

    private static string SourceRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Skep.slnx")))
                return folder.FullName;
        }
        throw new InvalidOperationException("the tests run outside of the source tree");
    }
}
