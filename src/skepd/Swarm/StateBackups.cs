using Skep.Api.Hosting;
using Skep.Api.Swarm;
using Skep.Manager;
using Skep.Storage.Backups;

namespace Skep.Daemon.Swarm;

/// <summary>Backups of the committed state, for the API.</summary>
internal sealed class StateBackups(ManagerNode node, TimeProvider time) : IBackups
{
    public void Write(IManager manager, Stream output) => BackupWriter.Write(
        manager.Store, () => node.Certificate ?? throw new InvalidOperationException("this host is no manager any more"), manager.Self.Id, ApiHost.ProductVersion, time.GetUtcNow(), output);
}
