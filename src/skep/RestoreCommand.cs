using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Security;
using Skep.Security.Keys;
using Skep.State;
using Skep.Storage;
using Skep.Storage.Backups;

namespace Skep.Cli;

/// <summary>skep restore: a data directory for a new cluster of one, from a backup or from a stopped manager's data directory.</summary>
internal static class RestoreCommand
{
    private const int DefaultPort = 2377;

    public static Command Create()
    {
        var file = new Argument<string?>("FILE") { Description = "What skep backup wrote", Arity = ArgumentArity.ZeroOrOne };
        var cold = new Option<string?>("--from-data-dir") { Description = "Instead of FILE: the data directory of a manager whose skepd is stopped, or a copy of it; it is only read" };
        var target = new Option<string>("--data-dir") { Description = "The data directory to make; must be empty or missing", Required = true };
        var advertise = new Option<string?>("--advertise-addr") { Description = "IP[:PORT] of the new manager (default: as the old one's, so that engines find it)" };
        var listen = new Option<string?>("--listen-addr") { Description = "IP[:PORT] of its cluster port (default: 0.0.0.0 and the advertised port)" };
        var json = new Option<bool>("--json") { Description = "One JSON object instead of sentences" };
        var command = new Command("restore", $"""
            Make a data directory for a new cluster of one manager, with the same cluster id, root CA and tokens, and all services,
            secrets, configs, networks and nodes. Works offline; then start skepd on it. Engines come back by themselves if the new
            manager has an address that they know. Containers of tasks that the backup does not know are removed when their engine
            comes back, and tasks that have gone since are started again. If it is locked, the unlock key is asked for, or taken from
            {UnlockKeyInput.Variable} or standard input; skepd then starts locked: docker swarm unlock.

            Examples:
              skep restore /var/backups/swarm.skep --data-dir /var/lib/skep
              skep restore swarm.skep --data-dir /var/lib/skep --advertise-addr 192.0.2.20
              skep restore --from-data-dir /mnt/old-disk/var/lib/skep --data-dir /var/lib/skep
            """) { file, cold, target, advertise, listen, json };
        command.SetAction((arguments, _) => CliException.GuardAsync(() => Run(
            arguments.GetValue(file), arguments.GetValue(cold), arguments.GetRequiredValue(target), arguments.GetValue(advertise), arguments.GetValue(listen), arguments.GetValue(json))));
        return command;
    }

    private static Task Run(string? file, string? cold, string target, string? advertise, string? listen, bool asJson)
    {
        if (file is null == cold is null)
            throw new CliException("give either a backup FILE or --from-data-dir DIR");
        target = Path.GetFullPath(target);
        LoneCluster.RequireEmpty(target);
        var (saved, oldAddress) = file is not null ? FromBackup(file) : FromDirectory(Path.GetFullPath(cold!));
        using (saved)
        {
            var advertised = advertise is not null ? Parse(advertise, "--advertise-addr", PortOf(oldAddress))
                : IPEndPoint.TryParse(oldAddress, out var old) ? old
                : throw new CliException("what is restored does not say its manager's address: give --advertise-addr IP[:PORT]");
            if (advertised.Address.Equals(IPAddress.Any) || advertised.Address.Equals(IPAddress.IPv6Any))
                throw new CliException("--advertise-addr must be an address by which other hosts reach this one");
            var any = advertised.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
            var listening = listen is null ? new IPEndPoint(any, advertised.Port) : Parse(listen, "--listen-addr", advertised.Port);
            var made = LoneCluster.Restore(saved, target, listening.ToString(), advertised.ToString(), TimeProvider.System.GetUtcNow(), NullLogger.Instance);
            Print(saved.Store, made, target, asJson);
        }
        return Task.CompletedTask;
    }

    private static (SavedCluster Saved, string Address) FromBackup(string file)
    {
        var backup = BackupFile.Open(file);
        return (backup.Read(backup.Manifest.IsSealed ? UnlockKeyInput.Ask() : default), backup.Manifest.ManagerAddr);
    }

    private static (SavedCluster Saved, string Address) FromDirectory(string directory)
    {
        var file = SwarmFile.Read(directory) ?? throw new CliException($"{directory} is not the data directory of a skepd that is part of a cluster: it has no swarm.json");
        LoneCluster.RequireStopped(directory, file);
        var certificate = CertificateIn(DataDirectory.CertificatesOf(directory));
        var store = LoneCluster.Read(directory, file, certificate.Keys, NullLogger.Instance);
        return (new SavedCluster(store, ManagerCredentials.Of(store.Read(state => state.Cluster!), () => certificate)), file.AdvertiseAddr);
    }

    private static ManagerCertificate CertificateIn(string certificates)
    {
        try
        {
            return ManagerCertificate.Load(certificates, default);
        }
        catch (ManagerLockedException)
        {
            try
            {
                return ManagerCertificate.Load(certificates, UnlockKeyInput.Ask());
            }
            catch (ManagerLockedException)
            {
                throw new CliException("the manager's keys do not open with this unlock key: give the one that the cluster had when that skepd ran last");
            }
        }
    }

    private static void Print(StateStore store, SwarmFile made, string target, bool asJson)
    {
        var (clusterId, services, nodes, isLocked) = store.Read(state => (state.Cluster!.Id, state.Services.Count, state.Nodes.Count, !Wire.UnlockKey.Of(state.Cluster).IsEmpty));
        if (asJson)
        {
            Console.WriteLine(new JsonObject
            {
                ["dataDir"] = target,
                ["clusterId"] = clusterId,
                ["managerId"] = made.ManagerId,
                ["advertiseAddr"] = made.AdvertiseAddr,
                ["services"] = services,
                ["nodes"] = nodes,
                ["locked"] = isLocked,
            }.ToJsonString());
            return;
        }
        Console.WriteLine($"cluster {clusterId} with {services} services and {nodes} nodes restored into {target}");
        Console.WriteLine($"start it: skepd --data-dir {target} (its cluster port: {made.AdvertiseAddr}){(isLocked ? "; then: docker swarm unlock" : "")}");
    }

    private static IPEndPoint Parse(string text, string option, int defaultPort)
    {
        if (IPAddress.TryParse(text, out var address) && !text.StartsWith('['))
            return new IPEndPoint(address, defaultPort);
        return IPEndPoint.TryParse(text, out var endPoint) && endPoint.Port != 0 ? endPoint : throw new CliException($"{option} {text} is not of the form IP[:PORT]");
    }

    private static int PortOf(string address) => IPEndPoint.TryParse(address, out var endPoint) ? endPoint.Port : DefaultPort;
}
