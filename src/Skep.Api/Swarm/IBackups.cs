using Skep.Manager;

namespace Skep.Api.Swarm;

/// <summary>Makes backups of the cluster's state.</summary>
public interface IBackups
{
    /// <summary>Writes a backup of what the manager's store holds now. Blocks while the reader is slow.</summary>
    void Write(IManager manager, Stream output);
}
