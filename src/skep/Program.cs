using System.CommandLine;
using Skep.Cli;
using Skep.Cli.Lab;
using Skep.Cli.Plan;

// skep: the operator's tool. What reads or steers a cluster uses only the Docker API, so it works on a cluster of stock managers too.
var root = new RootCommand("""
    The operator's tool of Skep clusters (and of stock Swarm clusters).

    Examples:
      skep status                                  nodes and services at a glance
      skep -H unix:///run/skep.sock status --json  the same for machines
      skep backup /var/backups/swarm.skep          the whole cluster in one file, while it runs
      skep restore swarm.skep --data-dir DIR       a new cluster of one from it
      skep plan capacity --nodes 1000 --tasks 40000  what managers that takes, and where to put them
      skep lab agents --help                       simulated engines, thousands of them
      skep lab swarm2k                             a whole experiment with them on this machine
    """);
var host = new Option<string?>("--host", "-H") { Description = "The manager's API: unix://PATH or tcp://ADDR:PORT (default: DOCKER_HOST, else unix:///run/skep.sock)", Recursive = true };
root.Options.Add(host);
root.Subcommands.Add(StatusCommand.Create(host));
root.Subcommands.Add(BackupCommand.Create(host));
root.Subcommands.Add(RestoreCommand.Create());
root.Subcommands.Add(LabCommand.Create());
root.Subcommands.Add(PlanCommand.Create());
// What is interrupted may have to remove what it made: an experiment's processes and network.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
