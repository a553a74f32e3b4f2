using System.CommandLine;

namespace Skep.Cli.Lab;

/// <summary>skep lab: whole experiments, and what they are made of.</summary>
internal static class LabCommand
{
    public static Command Create() => new("lab", "Experiments on this machine. Example: skep lab agents --help") { AgentsCommand.Create() };
}
