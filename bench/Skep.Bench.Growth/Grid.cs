namespace Skep.Bench.Growth;

/// <summary>Which sizes are measured: tasks grow on a fixed number of nodes, and nodes grow with a fixed number of tasks.</summary>
/// <param name="Folder">Where the cases' files are, from the repository's root.</param>
/// <param name="Tasks">Numbers of tasks on <see cref="AtNodes"/> nodes.</param>
/// <param name="AtNodes">How many nodes while tasks grow.</param>
/// <param name="Nodes">Numbers of nodes with <see cref="AtTasks"/> tasks.</param>
/// <param name="AtTasks">How many tasks while nodes grow.</param>
internal sealed record Grid(string Folder, int[] Tasks, int AtNodes, int[] Nodes, int AtTasks)
{
    /// <summary>More engines than these are not simulated on one machine; the parts alone go on.</summary>
    private const int MostLabNodes = 10_000;

    /// <summary>The lab's smallest case: what a manager takes to start, and for what the lab asks it by the way. Cost per task and node is what comes on top.</summary>
    public static readonly Size Least = new(1, 1);

    public static Grid Full { get; } = new("artifacts/growth", [1_000, 10_000, 100_000, 1_000_000], 1_000, [100, 1_000, 5_000, 10_000, 100_000], 100_000);

    public static Grid Quick { get; } = new("artifacts/growth-quick", [1_000, 10_000], 100, [100, 300], 1_000);

    public IEnumerable<Size> TaskSizes => Tasks.Select(tasks => new Size(AtNodes, tasks));

    public IEnumerable<Size> NodeSizes => Nodes.Select(nodes => new Size(nodes, AtTasks));

    public IReadOnlyList<GrowthCase> Cases
    {
        get
        {
            Size[] sizes = [.. TaskSizes.Concat(NodeSizes).Distinct().OrderBy(size => size.Tasks).ThenBy(size => size.Nodes)];
            return
            [
                .. sizes.Select(size => new GrowthCase(GrowthCase.Parts, size)),
                new(GrowthCase.Lab, Least), .. sizes.Where(size => size.Nodes <= MostLabNodes).Select(size => new GrowthCase(GrowthCase.Lab, size)),
            ];
        }
    }
}

/// <summary>How many there are.</summary>
internal readonly record struct Size(int Nodes, int Tasks);
