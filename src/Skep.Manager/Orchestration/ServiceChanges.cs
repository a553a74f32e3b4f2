using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>Which changes of a service concern its tasks.</summary>
internal static class ServiceChanges
{
    /// <summary>
    /// Its spec changed, or an update was asked for anew (which also goes on with a paused one). Not: that an update goes on, or
    /// that the allocator gave it an address.
    /// </summary>
    public static bool WantsReconciliation(ServiceChange change) => change.Old is null || change.New is null
        || (change.Old.UpdateStatus is not null && change.New.UpdateStatus is null)
        || !change.Old.Spec.Equals(change.New.Spec);
}
