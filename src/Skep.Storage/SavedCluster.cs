using Skep.State;

namespace Skep.Storage;

/// <summary>What a cluster can be made anew from.</summary>
/// <param name="Store">Its state.</param>
/// <param name="Credentials">Of the manager that saved it; null where they are not needed.</param>
public sealed record SavedCluster(StateStore Store, ManagerCredentials? Credentials) : IDisposable
{
    public void Dispose() => Store.Dispose();
}
