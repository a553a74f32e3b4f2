using System.CommandLine;

namespace Skep.Cli.Plan;

/// <summary>skep plan: what a cluster would take, before there is one.</summary>
internal static class PlanCommand
{
    public static Command Create() => new("plan", """
        What a cluster would take, from measured costs and a simulation of its managers. Reads nothing, changes nothing.

        Examples:
          skep plan capacity --nodes 1000 --tasks 40000 --churn 10/s
          skep plan rules
        """) { CapacityCommand.Create(), RulesCommand.Create() };
}
