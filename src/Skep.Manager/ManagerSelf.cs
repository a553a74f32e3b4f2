namespace Skep.Manager;

/// <summary>Which manager this is.</summary>
/// <param name="Id">Its key in <see cref="State.ClusterState.Managers"/>.</param>
/// <param name="Run">See <see cref="State.Manager.Run"/>.</param>
public sealed record ManagerSelf(string Id, string Run);
