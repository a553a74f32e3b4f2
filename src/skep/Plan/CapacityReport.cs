using Spectre.Console;

namespace Skep.Cli.Plan;

/// <summary>A <see cref="CapacityPlan"/> for people.</summary>
internal sealed class CapacityReport(CapacityPlan plan)
{
    private readonly SiteMap _sites = plan.Question.Sites;

    public void Print(IAnsiConsole console)
    {
        // Into a file or a pipe goes the whole table, whatever the width that is assumed there.
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 140;
        PrintChoice(console);
        PrintSizes(console);
        PrintTopologies(console);
        PrintGround(console);
    }

    private void PrintChoice(IAnsiConsole console)
    {
        var (demand, machine) = (plan.Question.Demand, plan.Size.Machine);
        console.MarkupLineInterpolated($"{Words.Number(demand.Nodes)} nodes, {Words.Number(demand.Tasks)} tasks, {Words.Number(demand.StartsPerSecond)} task starts a second");
        console.MarkupLineInterpolated($"[bold]Take {plan.Size.Managers} {(plan.Size.Managers == 1 ? "manager" : "managers")} of {machine.Cores} vCPU, {machine.MemoryGiB} GiB, {machine.DiskGiB} GiB of disk[/]: {Places()}");
        if (plan.IsChurnTooHigh)
            console.MarkupLineInterpolated($"[red]The leader's loop decides {Words.Number(plan.Model.MostStartsPerSecond, "#,##0")} starts a second at most: no number or size of managers carries this churn[/]");
        console.MarkupLineInterpolated($"  all {Words.Number(demand.Nodes)} nodes joining one of them at once: {Words.Seconds(plan.JoinAllSeconds)}; all {Words.Number(demand.Tasks)} tasks created at once: {Words.Seconds(plan.StartAllSeconds)}; docker node ls: {Words.Seconds(plan.ListNodesSeconds)}");
        console.MarkupLineInterpolated($"  log {Words.Bytes(plan.Disk.LogBytesPerDay)} a day on each, snapshots of {Words.Bytes(plan.Disk.SnapshotBytes)}, at most {Words.Number(plan.Disk.SnapshotsPerDay, "#,##0")} a day; {Words.Bytes(plan.Disk.DiskBytes)} on the disk");
        console.WriteLine();
    }

    private void PrintSizes(IAnsiConsole console)
    {
        console.MarkupLine("Predicted while all managers live; the machine is for when as many have failed as may, uncertainty included:");
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in new[] { "managers", "may fail", "leader cores", "follower cores", "memory", "leader net", "follower net", "machine each" })
            table.AddColumn(column);
        foreach (var size in plan.Sizes)
        {
            var hasFollowers = size.Managers > 1;
            table.AddRow(
                Mark($"{size.Managers}", size == plan.Size), $"{size.MayFail}",
                Words.Cores(size.Leader.Cores), hasFollowers ? Words.Cores(size.Follower.Cores) : "-",
                Words.Bytes(size.Leader.MemoryBytes),
                Words.Bytes(size.Leader.NetworkBytesPerSecond) + "/s", hasFollowers ? Words.Bytes(size.Follower.NetworkBytesPerSecond) + "/s" : "-",
                $"{size.Machine.Cores} vCPU, {size.Machine.MemoryGiB} GiB");
        }
        console.Write(table);
    }

    private void PrintTopologies(IAnsiConsole console)
    {
        console.MarkupLineInterpolated($"Topologies{(plan.Question.AreLinksGiven ? "" : $" over example links ({SiteMap.ExampleSpec}; give yours with --sites)")}: what each survives, and its commits, p50/p99 in ms:");
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in Enum.GetValues<FailureKind>().Select(Words.Of).Prepend("placed").Prepend("topology").Concat(["led from", "commit", "worst leader", "site down"]))
            table.AddColumn(new TableColumn(column) { NoWrap = column != "placed" && !column.Contains(' ', StringComparison.Ordinal) });
        foreach (var outlook in plan.Topologies)
        {
            table.AddRow([
                Mark(outlook.Topology.Name, outlook == plan.Chosen), outlook.Topology.Describe(_sites),
                .. Enum.GetValues<FailureKind>().Select(kind => Words.Of(outlook.Survives[kind])),
                _sites.Names[outlook.Best.LeaderSite], Words.P50AndP99(outlook.Best.Latency), Words.P50AndP99(outlook.Worst.Latency), Words.P50AndP99(outlook.WithWorstSiteDown),
            ]);
        }
        console.Write(table);
    }

    private void PrintGround(IAnsiConsole console)
    {
        var (measurement, off) = (plan.Measured.Measurement, plan.Uncertainty);
        console.MarkupLineInterpolated($"Stands on: {measurement.Source}, measured {measurement.Date} on {measurement.Machine}; {measurement.Conditions}.");
        console.MarkupLineInterpolated($"May be off either way by a factor of: CPU {Words.Number(off.Cpu)}, memory {Words.Number(off.Memory)}, log {Words.Number(off.Log)} ({off.Checks} measurements that no constant was taken from, and never less than {Words.Number(Uncertainty.OtherMachines)} for other machines).");
        var estimated = plan.Measured.Costs.All.Where(cost => cost.Value.Basis == CostBasis.Estimated).Select(cost => cost.Key);
        console.MarkupLineInterpolated($"Not measured yet, only estimated: {string.Join(", ", estimated)}. Commits: disk sync {Words.Milliseconds(plan.Question.Disk.Median)} (p99 {Words.Milliseconds(plan.Question.Disk.P99)}), seed {plan.Question.Seed}; time of the processors not included.");
    }

    // The names of example sites are nobody's datacenter.
    private string Places() => plan.Chosen.Topology.UsedSites.Count > 1
        ? $"{plan.Chosen.Topology.Describe(_sites)}; best led from {_sites.Names[plan.Chosen.Best.LeaderSite]}"
        : plan.Question.AreLinksGiven ? plan.Chosen.Topology.Describe(_sites) : "in one datacenter";

    private static string Mark(string text, bool isChosen) => isChosen ? $"[bold]> {text}[/]" : $"  {text}";
}
