using Xunit;

namespace Skep.EndToEnd.Lab;

/// <summary>skep from artifacts/bin, the operator's tool.</summary>
public static class SkepTool
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The program that ./build made.</summary>
    public static string Program => Path.Combine(Hosts.Repository, "artifacts/bin/skep");

    /// <summary>Runs it to its end; fails the test on an exit code other than 0.</summary>
    public static async Task<CommandResult> Run(params string[] arguments) => (await Try(arguments)).OrFail();

    public static Task<CommandResult> Try(params string[] arguments) => TryWith(input: null, arguments);

    /// <param name="input">Its standard input.</param>
    /// <param name="arguments">Its own.</param>
    public static Task<CommandResult> TryWith(string? input, params string[] arguments)
    {
        Assert.SkipUnless(File.Exists(Program), $"{Program} is not there; run ./build first");
        return Command.Run(Program, arguments, Limit, input);
    }

    /// <summary>It failed as a command should: exit code 1, nothing on standard output, one line on standard error that says this.</summary>
    public static async Task Refuses(string says, params string[] arguments)
    {
        var result = await Try(arguments);
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.StartsWith("skep: ", result.Err, StringComparison.Ordinal);
        Assert.Contains(says, result.Err, StringComparison.Ordinal);
        Assert.Single(result.AllLines());
    }
}
