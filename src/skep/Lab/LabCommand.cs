using System.CommandLine;
using Skep.Cli.Lab.Experiments;

namespace Skep.Cli.Lab;

/// <summary>skep lab: whole experiments, and what they are made of.</summary>
internal static class LabCommand
{
    public static Command Create()
    {
        var command = new Command("lab", "Experiments on this machine. Example: skep lab swarm2k --help") { AgentsCommand.Create() };
        foreach (var experiment in ExperimentCommand.CreateAll())
            command.Add(experiment);
        return command;
    }
}
