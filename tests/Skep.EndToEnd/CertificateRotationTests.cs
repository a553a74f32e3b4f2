using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Skep.EndToEnd.Lab;
using Skep.Tests;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>docker swarm ca with engines that run services. h3 is the guest.</summary>
[Trait("Category", "slow")]
public sealed class CertificateRotationTests(Cluster cluster) : ClusterTest(cluster)
{
    private static readonly TimeSpan RotationLimit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task The_root_rotates_while_a_service_runs_and_nothing_is_restarted()
    {
        await LeaveGuestOut();
        var oldRoot = await Root();
        var oldToken = await Cluster.Token("worker");
        await Cluster.Docker($"{Create} --name web --mode global box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        var before = await Containers();

        // Not detached: the command ends by itself when every node has followed.
        var rotated = await Cluster.Docker("swarm ca --rotate", limit: RotationLimit);

        var newRoot = await Root();
        Assert.NotEqual(oldRoot, newRoot);
        Assert.Contains(newRoot, rotated.Out, StringComparison.Ordinal);
        Assert.Equal(before, await Containers());
        await Cluster.WaitForReplicas("web", "2/2");
        await EveryoneHas(newRoot);

        Assert.Equal("inactive", (await Cluster.Engine("h3", "info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim());
        var refused = await Cluster.TryEngine("h3", $"swarm join --token {oldToken} {Cluster.Hosts.Address("h1")}:2377");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("remote CA does not match fingerprint", refused.Err, StringComparison.Ordinal);
        await Cluster.TryEngine("h3", "swarm leave --force");
        await Cluster.Join("h3");
        await Cluster.WaitForReplicas("web", "3/3");
        await EveryoneHas(newRoot);
        await LeaveGuestOut();
    }

    [Fact]
    public async Task A_root_of_the_users_own_is_taken_with_its_key_and_impossible_ones_are_refused()
    {
        await LeaveGuestOut();
        var (certificate, key) = await OwnRoot("own");
        var (_, otherKey) = await OwnRoot("other");

        var mismatch = await Cluster.TryDocker($"swarm ca --rotate -q --ca-cert {certificate} --ca-key {otherKey}");
        Assert.NotEqual(0, mismatch.ExitCode);
        Assert.Contains("certificate key mismatch", mismatch.Err, StringComparison.Ordinal);
        await Cluster.Docker($"swarm ca --rotate -q --ca-cert {certificate} --ca-key {key} --cert-expiry 200h", limit: RotationLimit);

        Assert.Equal((await File.ReadAllTextAsync(certificate)).Trim(), await Root());
        await EveryoneHas(await Root());
        Assert.Equal("200h0m0s", (await Cluster.Docker("info --format '{{.Swarm.Cluster.Spec.CAConfig.NodeCertExpiry}}'")).Out.Trim());
        await Cluster.Docker("swarm update --cert-expiry 2160h");
    }

    [Fact]
    public async Task A_node_that_is_down_is_waited_for_and_neither_it_nor_a_crash_of_the_manager_loses_the_rotation()
    {
        OnlySkepd("the manager is killed and started apart from its engine");
        await LeaveGuestOut();
        var oldRoot = await Root();
        await Cluster.Hosts.KillEngine("h2");
        await Cluster.Docker("swarm ca --rotate -d");
        await Cluster.WaitFor("the next root to issue h1's certificate", 40, async () => (await Issuers()).Length, count => count == 2);
        Assert.Equal("true", await InProgress());

        await Cluster.Hosts.Kill("h1", "skepd");
        await Cluster.Peer.Start(Cluster.Hosts);
        await Task.Delay(3000);
        Assert.Equal("true", await InProgress());
        Assert.Equal(oldRoot, await Root());
        await Cluster.Hosts.RestartEngine("h2");

        await Cluster.WaitFor("the rotation to end", 60, InProgress, running => running == "false");
        Assert.NotEqual(oldRoot, await Root());
        await Cluster.WaitForNode("h2", "Ready");
        await EveryoneHas(await Root());
    }

    [Fact]
    public async Task Managers_and_those_that_stand_by_follow_through_a_change_of_leader()
    {
        OnlySkepd("about several skepds");
        await LeaveGuestOut();
        await StartSkepd("h3", Cluster.Hosts.EngineSocket("h3"));
        await SkepdPeer.StartAlone(Cluster.Hosts, "h4");
        try
        {
            var oldRoot = await Root();
            var token = await Cluster.Token("manager");
            foreach (var host in new[] { "h3", "h4" })
                await On(host, $"swarm join --token {token} --advertise-addr {Cluster.Hosts.Address(host)} {Cluster.Hosts.Address("h1")}:2377");

            // Held up by h2, so that it is still under way when the leader dies.
            await Cluster.Hosts.KillEngine("h2");
            await On("h4", "swarm ca --rotate -d");
            await Cluster.WaitFor("three of four nodes to have followed", 60, NewIssuers, count => count == 3);
            await Cluster.Hosts.Kill("h1", "skepd");
            await Cluster.WaitFor("another manager to lead", 20, () => Try("h4", "node ls"), r => r.ExitCode == 0 && r.Out.Contains("Leader", StringComparison.Ordinal));
            await Cluster.Peer.Start(Cluster.Hosts);
            await Cluster.Hosts.RestartEngine("h2");
            await Cluster.WaitFor("the rotation to end", 60, InProgress, running => running == "false");
            Assert.NotEqual(oldRoot, await Root());
            await EveryoneHas(await Root());

            // A standby has no state of its own, yet it must not be locked out.
            await On("h4", "node demote h3");
            await Cluster.WaitFor("h3 to stand by", 30, () => Cluster.Docker("node ls --format '{{.Hostname}} {{.ManagerStatus}}'"), r => r.Lines.Any(l => l.Trim() == "h3"));
            await Cluster.Docker("swarm ca --rotate -q", limit: RotationLimit);
            await EveryoneHas(await Root());
            await Cluster.Docker("node promote h3");
            await Cluster.WaitFor("h3 to be a manager again", 30, () => Cluster.Docker("node ls --format '{{.Hostname}} {{.ManagerStatus}}'"), r => r.Lines.Contains("h3 Reachable"));
            Assert.Equal(await Root(), (await On("h3", "swarm ca")).Out.Trim());
        }
        finally
        {
            foreach (var host in new[] { "h3", "h4" })
            {
                await Cluster.TryDocker($"node demote {host}");
                // Out of the Raft group first: it has a vote on its own removal.
                await Cluster.WaitFor($"{host} to stand by", 30, () => Try(host, "info --format '{{.Swarm.ControlAvailable}}'"), r => r.Out.Trim() == "false");
                await Cluster.WaitFor($"{host} to leave", 30, () => Try(host, "swarm leave --force"), r => r.ExitCode == 0 || r.Err.Contains("not part of a swarm", StringComparison.Ordinal));
                await Cluster.TryDocker($"node rm --force {host}");
                await SkepdPeer.StopAndForget(Cluster.Hosts, host);
            }
        }
    }

    [Fact]
    public async Task An_external_authority_signs_and_a_root_of_ones_own_takes_over_again()
    {
        await LeaveGuestOut();
        await using var authority = await CfsslServer.StartAsync(IPAddress.Parse($"10.{Cluster.Hosts.Number}.0.254"), DateTimeOffset.UtcNow);
        authority.Now = () => DateTimeOffset.UtcNow;
        var root = Path.Combine(Cluster.Hosts.Folder, "external.crt");
        await File.WriteAllTextAsync(root, authority.RootPem);

        var unreachable = await Cluster.TryDocker($"swarm ca --rotate -q --ca-cert {root} --external-ca protocol=cfssl,url=https://10.{Cluster.Hosts.Number}.0.254:1/sign,cacert={root}");
        Assert.NotEqual(0, unreachable.ExitCode);
        Assert.Contains("there must be at least one valid, reachable external CA corresponding to the desired CA certificate", unreachable.Err, StringComparison.Ordinal);
        await Cluster.Docker($"swarm ca --rotate -q --ca-cert {root} --external-ca protocol=cfssl,url={authority.Url},cacert={root}", limit: RotationLimit);

        Assert.Equal(authority.RootPem.Trim(), await Root());
        await EveryoneHas(await Root());
        await Cluster.Join("h3");
        await EveryoneHas(await Root());
        Assert.Contains(authority.Requests, request => request.GetProperty("hosts")[0].GetString() == "swarm-worker");
        Assert.Contains(authority.Requests, request => request.GetProperty("hosts")[0].GetString() == "swarm-manager");

        await Cluster.Docker("swarm ca --rotate -q", limit: RotationLimit);

        Assert.NotEqual(authority.RootPem.Trim(), await Root());
        await EveryoneHas(await Root());
        await LeaveGuestOut();
    }

    private async Task<string> Root() => (await Cluster.Docker("swarm ca")).Out.Trim();

    private async Task<string> InProgress() => (await Cluster.Docker("info --format '{{.Swarm.Cluster.RootRotationInProgress}}'")).Out.Trim();

    private async Task<string[]> Containers() => [.. await Cluster.Containers("h1", "web"), .. await Cluster.Containers("h2", "web")];

    private async Task<string[]> Issuers() =>
        (await Cluster.Docker($"node inspect {string.Join(' ', (await Cluster.Docker("node ls -q")).Lines)} --format '{{{{.Description.TLSInfo.CertIssuerPublicKey}}}}'")).Lines.Distinct().ToArray();

    /// <summary>How many nodes hold a certificate that h2, which is away, does not.</summary>
    private async Task<int> NewIssuers()
    {
        var nodes = (await Cluster.Docker("node ls --format '{{.ID}} {{.Hostname}}'")).Lines.Select(line => line.Split(' ')).ToArray();
        var keys = (await Cluster.Docker($"node inspect {string.Join(' ', nodes.Select(n => n[0]))} --format '{{{{.Description.Hostname}}}} {{{{.Description.TLSInfo.CertIssuerPublicKey}}}}'")).Lines
            .ToDictionary(line => line.Split(' ', 2)[0], line => line.Split(' ', 2)[1]);
        return keys.Count(key => key.Value != keys["h2"]);
    }

    private async Task<CommandResult> On(string host, string line) => (await Try(host, line)).OrFail();

    private Task<CommandResult> Try(string host, string line) =>
        Command.Run(Cluster.DockerCli, ["-H", SkepdPeer.SocketOn(Cluster.Hosts, host), .. Command.Words(line)], TimeSpan.FromSeconds(60));

    private async Task StartSkepd(string host, string engine)
    {
        await Cluster.Hosts.Start(host, "skepd", SkepdPeer.Program, "-H", SkepdPeer.SocketOn(Cluster.Hosts, host), "--engine", engine, "--data-dir", $"{Cluster.Hosts.Folder}/{host}/skep");
        await Cluster.WaitFor($"skepd on {host} to answer", 20, () => Try(host, "version"), r => r.ExitCode == 0);
    }

    /// <summary>Every node says that it trusts this root and holds a certificate of it.</summary>
    private async Task EveryoneHas(string root)
    {
        using var certificate = X509Certificate2.CreateFromPem(root);
        var key = Convert.ToBase64String(certificate.PublicKey.ExportSubjectPublicKeyInfo());
        var subject = Convert.ToBase64String(certificate.SubjectName.RawData);
        await Cluster.WaitFor("every node to have the root", 20, async () =>
        {
            var ids = (await Cluster.Docker("node ls -q")).Lines;
            return JsonDocument.Parse((await Cluster.Docker($"node inspect {string.Join(' ', ids)}")).Out).RootElement.EnumerateArray()
                .Select(node => node.GetProperty("Description").GetProperty("TLSInfo").Clone()).ToArray();
        }, infos => infos.All(tls => tls.GetProperty("TrustRoot").GetString()!.Trim() == root
            && tls.GetProperty("CertIssuerPublicKey").GetString() == key && tls.GetProperty("CertIssuerSubject").GetString() == subject));
    }

    private async Task<(string Certificate, string Key)> OwnRoot(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name} root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddYears(5));
        var path = Path.Combine(Cluster.Hosts.Folder, name);
        await File.WriteAllTextAsync(path + ".crt", root.ExportCertificatePem() + "\n");
        await File.WriteAllTextAsync(path + ".key", key.ExportECPrivateKeyPem() + "\n");
        return (path + ".crt", path + ".key");
    }

    /// <summary>h3's engine, started at first use, in no swarm.</summary>
    private async Task LeaveGuestOut()
    {
        if ((await Cluster.Hosts.Exec("h3", "curl", "-s", "-m", "2", "--unix-socket", $"{Cluster.Hosts.Folder}/h3/docker.sock", "http://engine/_ping")).ExitCode != 0)
            await Cluster.Hosts.StartEngine("h3");
        if ((await Cluster.Engine("h3", "info --format '{{.Swarm.LocalNodeState}}'")).Out.Trim() != "inactive") await Cluster.Engine("h3", "swarm leave --force");
        foreach (var gone in (await Cluster.Docker("node ls --format '{{.ID}} {{.Hostname}}'")).Lines.Where(l => l.EndsWith(" h3", StringComparison.Ordinal)))
            await Cluster.Docker($"node rm --force {gone.Split(' ')[0]}");
    }
}
