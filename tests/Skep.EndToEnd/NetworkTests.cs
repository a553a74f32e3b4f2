using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Overlay networks between engines. VIPs and the routing mesh need IPVS in the kernel: lab/mesh shows them in a VM.</summary>
[Trait("Category", "slow")]
public sealed class NetworkTests(Cluster cluster) : ClusterTest(cluster)
{
    [Fact]
    public async Task Containers_on_two_engines_reach_each_other_and_find_each_other_by_name()
    {
        await Cluster.Docker("network create -d overlay back");
        await Cluster.Docker($"{Create} --name web --replicas 2 --replicas-max-per-node 1 --network back box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        var (a, b) = ((await Cluster.Containers("h1", "web")).Single(), (await Cluster.Containers("h2", "web")).Single());
        string addressA = await Address("h1", a, "back"), addressB = await Address("h2", b, "back");
        await Answers("h1", a, $"ping -c 1 -W 2 {addressB}");
        await Answers("h2", b, $"ping -c 1 -W 2 {addressA}");
        var found = await Cluster.WaitFor("both addresses behind tasks.web", 20, () => Resolve("h1", a, "tasks.web"), r => r.Contains(addressA, StringComparison.Ordinal) && r.Contains(addressB, StringComparison.Ordinal));
        var vip = (await Cluster.Docker("service inspect web --format '{{range .Endpoint.VirtualIPs}}{{.Addr}}{{end}}'")).Out.Trim().Split('/')[0];
        Assert.DoesNotContain(vip, found, StringComparison.Ordinal);
        Assert.Contains(vip, await Resolve("h2", b, "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dnsrr_service_resolves_to_its_tasks()
    {
        await Cluster.Docker("network create -d overlay back");
        await Cluster.Docker($"{Create} --name web --replicas 2 --replicas-max-per-node 1 --endpoint-mode dnsrr --network back box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "2/2");
        Assert.Equal("dnsrr", (await Cluster.Docker("service inspect web --format '{{.Spec.EndpointSpec.Mode}}'")).Out.Trim());
        var (a, b) = ((await Cluster.Containers("h1", "web")).Single(), (await Cluster.Containers("h2", "web")).Single());
        string addressA = await Address("h1", a, "back"), addressB = await Address("h2", b, "back");
        await Cluster.WaitFor("both addresses behind web", 20, () => Resolve("h2", b, "web"), r => r.Contains(addressA, StringComparison.Ordinal) && r.Contains(addressB, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_plain_container_attaches_to_an_attachable_overlay()
    {
        await Cluster.Docker("network create -d overlay --attachable open");
        await Cluster.Docker($"{Create} --name web --network open --constraint node.hostname==h1 box:1 sleep 1d");
        await Cluster.WaitForReplicas("web", "1/1");
        var target = await Address("h1", (await Cluster.Containers("h1", "web")).Single(), "open");
        try
        {
            await Cluster.Engine("h2", "run -d --name guest --network open --stop-timeout 1 box:1 sleep 1d");
            await Answers("h2", "guest", $"ping -c 1 -W 2 {target}");
            await Answers("h2", "guest", "ping -c 1 -W 2 tasks.web");
        }
        finally
        {
            await Cluster.TryEngine("h2", "rm -f guest");
        }
    }

    [Fact]
    public async Task A_network_that_is_not_attachable_refuses_a_plain_container()
    {
        await Cluster.Docker("network create -d overlay closed");
        var refused = await Cluster.TryEngine("h2", "run --rm --network closed box:1 true");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("not manually attachable", refused.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Networks_are_listed_inspected_and_removed_when_unused()
    {
        await Cluster.Docker("network create -d overlay --subnet 10.200.7.0/24 --label team=a back");
        Assert.Contains("back overlay swarm", (await Cluster.Docker("network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'")).Lines);
        Assert.Contains((await Cluster.Docker("network ls --format '{{.Name}} {{.Scope}}'")).Lines, l => l == "bridge local");
        Assert.Contains((await Cluster.Docker("network ls --format '{{.Name}} {{.Scope}}'")).Lines, l => l == "ingress swarm");
        Assert.Equal("10.200.7.0/24 a", (await Cluster.Docker("network inspect back --format '{{(index .IPAM.Config 0).Subnet}} {{.Labels.team}}'")).Out.Trim());
        await Cluster.Docker($"{Create} --name web --network back box:1 sleep 1d");
        var refused = await Cluster.TryDocker("network rm back");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("is in use by service", refused.Err, StringComparison.Ordinal);
        var twice = await Cluster.TryDocker("network create -d overlay back");
        Assert.Contains("network with name back already exists", twice.Err, StringComparison.Ordinal);
        await Cluster.Docker("service rm web");
        await Cluster.WaitFor("the network to go", 20, () => Cluster.TryDocker("network rm back"), r => r.ExitCode == 0);
        // The engine lets its own copy go a little after the swarm's.
        await Cluster.WaitFor("back to leave the list", 20, async () => (await Cluster.Docker("network ls --format '{{.Name}}'")).Lines, names => !names.Contains("back"));
    }

    [Fact]
    public async Task A_published_port_in_host_mode_is_open_where_the_task_runs()
    {
        await Cluster.Docker($"{Create} --name web --publish mode=host,published=8099,target=80 --constraint node.hostname==h2 box:1 sh -c 'echo hello >/www/index.html; exec httpd -f -p 80 -h /www'");
        await Cluster.WaitForReplicas("web", "1/1");
        var url = $"http://{Cluster.Hosts.Address("h2")}:8099/";
        await Cluster.WaitFor($"{url} to answer", 10, () => Command.Run("curl", ["-s", "-m", "3", url], TimeSpan.FromSeconds(5)), r => r.Out.Trim() == "hello");
        Assert.Contains("8099", (await Cluster.Docker("service ps web --format '{{.Ports}}'")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_published_through_ingress_is_allocated_once()
    {
        await Cluster.Docker($"{Create} --name web --publish 8098:80 box:1 sleep 1d");
        Assert.Equal("*:8098->80/tcp", (await Cluster.Docker("service ls --format '{{.Ports}}'")).Out.Trim());
        var refused = await Cluster.TryDocker($"{Create} --name other --publish 8098:80 box:1 sleep 1d");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("port '8098' is already in use by service 'web'", refused.Err, StringComparison.Ordinal);
        await Cluster.Docker($"{Create} --name random --publish 80 box:1 sleep 1d");
        var port = await Cluster.WaitFor("a port", 10, async () => (await Cluster.Docker("service inspect random --format '{{range .Endpoint.Ports}}{{.PublishedPort}}{{end}}'")).Out.Trim(), p => p.Length > 0);
        Assert.InRange(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), 30000, 32767);
    }

    private async Task<string> Address(string host, string container, string network) =>
        (await Cluster.Engine(host, $"inspect {container} --format '{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}'")).Out.Trim();

    private Task Answers(string host, string container, string command) =>
        Cluster.WaitFor($"{command} from {host}", 20, () => Cluster.TryEngine(host, $"exec {container} {command}"), r => r.ExitCode == 0);

    private async Task<string> Resolve(string host, string container, string name) => (await Cluster.TryEngine(host, $"exec {container} nslookup -type=a {name}")).Out;
}
