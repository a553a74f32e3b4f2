using Microsoft.Extensions.Logging;
using Skep.Log;
using Skep.Security;
using Skep.Security.Keys;
using Skep.State;

namespace Skep.Storage;

/// <summary>
/// Clusters of one manager, made from a state that there was: of this host's own log, when the other managers are lost, or of a backup. The new
/// group of one is complete on the disk before swarm.json names it, so a crash at any moment leaves what was before, or the new one.
/// </summary>
public static class LoneCluster
{
    /// <summary>Fails if a skepd runs on a data directory.</summary>
    /// <exception cref="IOException">One does.</exception>
    public static void RequireStopped(string dataDirectory, SwarmFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        OfflineLog.RequireClosed(new DiskFileSystem(), DataDirectory.LogOf(dataDirectory, file));
    }

    /// <summary>Reads the state that a manager's log holds: all of it, see <see cref="OfflineLog.Replay"/>. Changes nothing.</summary>
    /// <param name="dataDirectory">Of a skepd that is stopped, or does not have its log open.</param>
    /// <param name="file">Its swarm.json.</param>
    /// <param name="keys">Its keys.</param>
    /// <param name="logger">For what operators should know.</param>
    /// <exception cref="InvalidDataException">It holds no cluster.</exception>
    public static StateStore Read(string dataDirectory, SwarmFile file, ManagerKeys keys, ILogger logger)
    {
        var store = new StateStore();
        try
        {
            var directory = DataDirectory.LogOf(dataDirectory, file);
            if (file.Standby || !Replica.Exists(new DiskFileSystem(), directory))
                throw new InvalidDataException($"{dataDirectory} holds no cluster's state: it is not a manager's");
            var options = new ReplicaOptions { Directory = directory, NodeId = file.RaftId, Cipher = LogCiphers.Present(keys), OlderCiphers = LogCiphers.Older(keys) };
            var last = OfflineLog.Replay(options, new SwarmStateMachine(store), logger);
            if (store.Read(state => state.Cluster) is null)
                throw new InvalidDataException($"{directory} holds no cluster yet: this manager was joining one and had not got its state");
            logger.LogInformation("read the cluster's state up to log entry {Index}", last);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Lets a manager go on alone with all that its log holds. Its log must not be open.</summary>
    /// <param name="dataDirectory">Its own.</param>
    /// <param name="file">Its swarm.json.</param>
    /// <param name="listen">host:port of the cluster port from now on.</param>
    /// <param name="advertise">host:port by which it is reached from now on.</param>
    /// <param name="keys">Its keys.</param>
    /// <param name="logger">For what operators should know.</param>
    /// <returns>Its swarm.json from now on; the old log's folder is still there.</returns>
    public static SwarmFile Continue(string dataDirectory, SwarmFile file, string listen, string advertise, ManagerKeys keys, ILogger logger)
    {
        using var store = Read(dataDirectory, file, keys, logger);
        var raftId = DataDirectory.NewRaftId();
        var next = file with
        {
            RaftId = raftId,
            LogFolder = DataDirectory.NewLogFolder(raftId),
            ListenAddr = listen,
            AdvertiseAddr = advertise,
            Joining = false,
            GoesOnAlone = true,
            Peers = [],
        };
        Begin(dataDirectory, next, store, keys, logger);
        return next;
    }

    /// <summary>Makes the data directory of a new manager, with the same cluster: its id, root CA, tokens, and all that it runs.</summary>
    /// <param name="saved">The cluster.</param>
    /// <param name="dataDirectory">Empty, or not there.</param>
    /// <param name="listen">host:port of the cluster port.</param>
    /// <param name="advertise">host:port by which other hosts reach it.</param>
    /// <param name="now">The time, for its certificate.</param>
    /// <param name="logger">For what operators should know.</param>
    /// <exception cref="InvalidDataException">The directory is not empty, or no manager can be made from this state.</exception>
    public static SwarmFile Restore(SavedCluster saved, string dataDirectory, string listen, string advertise, DateTimeOffset now, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(saved);
        var cluster = saved.Store.Read(state => state.Cluster) ?? throw new InvalidDataException("there is no cluster in it");
        RequireEmpty(dataDirectory);
        var wasThere = System.IO.Directory.Exists(dataDirectory);
        new DiskFileSystem().CreateDirectory(dataDirectory);
        try
        {
            var certificates = DataDirectory.CertificatesOf(dataDirectory);
            var keys = ManagerKeys.Create(certificates, Wire.UnlockKey.Of(cluster), cluster.Meta?.Version?.Index ?? 0);
            var certificate = CertificateOf(cluster, saved.Credentials, certificates, keys, now);
            var file = new SwarmFile
            {
                ManagerId = certificate.Identity.NodeId,
                RaftId = DataDirectory.NewRaftId(),
                ListenAddr = listen,
                AdvertiseAddr = advertise,
                GoesOnAlone = true,
            };
            Begin(dataDirectory, file, saved.Store, keys, logger);
            return file;
        }
        catch
        {
            Clear(dataDirectory, wasThere);
            throw;
        }
    }

    /// <exception cref="InvalidDataException">Something is in it.</exception>
    public static void RequireEmpty(string dataDirectory)
    {
        if (File.Exists(dataDirectory) || (System.IO.Directory.Exists(dataDirectory) && System.IO.Directory.EnumerateFileSystemEntries(dataDirectory).Any()))
            throw new InvalidDataException($"{dataDirectory} is not empty: give a directory that is, or move what is in it away");
    }

    // A manager of its own, whatever became of the one that saved the cluster; or that one, where nobody can sign another certificate.
    private static ManagerCertificate CertificateOf(Wire.Cluster cluster, ManagerCredentials? credentials, string directory, ManagerKeys keys, DateTimeOffset now)
    {
        if (!cluster.RootCa.CaKey.IsEmpty)
        {
            using var root = RootCertificateAuthority.Load(cluster.RootCa.CaCert, cluster.RootCa.CaKey);
            return ManagerCertificate.Create(directory, keys, root, ClusterFactory.NewId(), cluster.Id, ClusterFactory.NodeCertificateLifetime(cluster.Spec), now);
        }
        var saved = credentials ?? throw new InvalidDataException("the key of the cluster's root CA is elsewhere, and no manager's certificate was saved along");
        return saved.Install(directory, keys, cluster.RootCa.CaCert.Span);
    }

    private static void Begin(string dataDirectory, SwarmFile file, StateStore store, ManagerKeys keys, ILogger logger)
    {
        var directory = DataDirectory.LogOf(dataDirectory, file);
        try
        {
            OfflineLog.Begin(new ReplicaOptions { Directory = directory, NodeId = file.RaftId, Cipher = LogCiphers.Present(keys) }, new SwarmStateMachine(store), logger);
        }
        catch
        {
            // A full disk needs the space.
            if (System.IO.Directory.Exists(directory))
                System.IO.Directory.Delete(directory, recursive: true);
            throw;
        }
        file.Write(dataDirectory);
    }

    private static void Clear(string dataDirectory, bool keepItself)
    {
        foreach (var folder in System.IO.Directory.EnumerateDirectories(dataDirectory))
            System.IO.Directory.Delete(folder, recursive: true);
        foreach (var path in System.IO.Directory.EnumerateFiles(dataDirectory))
            File.Delete(path);
        if (!keepItself)
            System.IO.Directory.Delete(dataDirectory);
    }
}
