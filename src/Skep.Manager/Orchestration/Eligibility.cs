using Skep.Manager.Scheduling;

namespace Skep.Manager.Orchestration;

/// <summary>The constraints of a service's placement, parsed.</summary>
internal static class Eligibility
{
    /// <summary>A service whose constraints cannot be parsed (validation refuses them) is taken as unconstrained, as stock does.</summary>
    public static IReadOnlyList<Constraint> ConstraintsOf(Wire.Service service)
    {
        if (service.Spec.Task?.Placement is not { Constraints.Count: > 0 } placement)
            return [];
        try
        {
            return Constraint.Parse(placement.Constraints);
        }
        catch (FormatException)
        {
            return [];
        }
    }
}
