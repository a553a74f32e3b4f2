namespace Skep.Simulation;

/// <summary>The simulator's command line (see ./simulate); without its word, the tests.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args) =>
        args is ["simulate", .. var rest] ? Simulate.Main(rest) : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
}
