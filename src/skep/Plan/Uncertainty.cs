namespace Skep.Cli.Plan;

/// <summary>
/// How far off predictions may be, as a factor either way: what was measured without being used for a constant, against what is predicted. Never less
/// than <see cref="OtherMachines"/>, since all was measured on one machine.
/// </summary>
internal sealed class Uncertainty(CapacityModel model, IReadOnlyList<CostCheck> checks)
{
    /// <summary>Another processor, kernel or load pattern easily makes this much.</summary>
    public const double OtherMachines = 2;

    public double Cpu { get; } = Worst(model, checks, CheckedQuantity.JoinMs, CheckedQuantity.StartMs, CheckedQuantity.Cores);

    public double Memory { get; } = Worst(model, checks, CheckedQuantity.MemoryBytes);

    public double Log { get; } = Worst(model, checks, CheckedQuantity.StartLogBytes);

    public int Checks => checks.Count;

    private static double Worst(CapacityModel model, IReadOnlyList<CostCheck> checks, params CheckedQuantity[] quantities) =>
        checks.Where(check => quantities.Contains(check.Quantity)).Select(check => check.OffBy(model)).Append(OtherMachines).Max();
}
