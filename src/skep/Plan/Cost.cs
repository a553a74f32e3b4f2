namespace Skep.Cli.Plan;

/// <summary>How a figure came about.</summary>
internal enum CostBasis
{
    /// <summary>Read off a measurement.</summary>
    Measured,

    /// <summary>Calculated from measurements.</summary>
    Derived,

    /// <summary>Nobody has measured it yet.</summary>
    Estimated,
}

/// <summary>One constant that predictions stand on.</summary>
/// <param name="From">The command that gives it, and how it was calculated from what that printed.</param>
internal sealed record Cost(double Value, string Unit, CostBasis Basis, string From)
{
    public static implicit operator double(Cost cost) => cost.Value;
}
