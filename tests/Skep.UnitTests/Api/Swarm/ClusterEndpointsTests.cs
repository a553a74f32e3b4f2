using System.Net;
using Skep.Api.Swarm;
using Xunit;

namespace Skep.UnitTests.Api.Swarm;

public sealed class ClusterEndpointsTests
{
    private const string NotManager =
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";

    [Theory]
    [InlineData("GET", "/swarm", null)]
    [InlineData("GET", "/nodes", null)]
    [InlineData("GET", "/services", null)]
    [InlineData("POST", "/services/create", """{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"a"}}}""")]
    [InlineData("GET", "/tasks", null)]
    [InlineData("GET", "/secrets", null)]
    [InlineData("GET", "/configs/x", null)]
    [InlineData("POST", "/swarm/unlock", "{}")]
    public async Task Outside_a_swarm_stock_says_why(string method, string path, string? json)
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        Assert.Equal(NotManager, await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, method, path, json));
    }

    [Fact]
    public async Task A_locked_manager_asks_for_the_key()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        host.Status = new SwarmStatus(LocalNodeState.Locked);
        Assert.Equal("Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.",
            await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, "GET", "/nodes"));
        Assert.Equal("swarm could not be unlocked: invalid key provided",
            await host.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/swarm/unlock", """{"UnlockKey":"SWMKEY-1-x"}"""));
    }

    [Fact]
    public async Task Init_fills_in_stocks_defaults()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        var id = await host.PostAsync("/swarm/init", """
            {"ListenAddr":"0.0.0.0:2377","AdvertiseAddr":"10.0.0.1","Availability":"drain","AutoLockManagers":true,"DefaultAddrPool":["10.20.0.0/16"],"SubnetSize":26,
             "Spec":{"Orchestration":{"TaskHistoryRetentionLimit":0},"Dispatcher":{"HeartbeatPeriod":30000000000}}}
            """);
        Assert.Equal("\"newnode\"", id!.ToJsonString());
        var init = Assert.IsType<SwarmInit>(host.Asked);
        Assert.Equal(("10.0.0.1", Wire.NodeSpec.Types.Availability.Drain, 26u), (init.AdvertiseAddr, init.Availability, init.SubnetSize));
        Assert.Equal(["10.20.0.0/16"], init.DefaultAddrPool);
        Assert.Equal("default", init.Spec.Annotations.Name);
        Assert.Equal(0, init.Spec.Orchestration.TaskHistoryRetentionLimit);
        Assert.Equal(30, init.Spec.Dispatcher.HeartbeatPeriod.Seconds);
        Assert.Equal(90 * 24 * 3600, init.Spec.CaConfig.NodeCertExpiry.Seconds);
        Assert.Equal(10_000u, init.Spec.Raft.SnapshotInterval);
        Assert.True(init.Spec.EncryptionConfig.AutoLockManagers);
    }

    [Theory]
    [InlineData("init", "{}", "invalid ListenAddr \"\": invalid empty address")]
    [InlineData("init", """{"ListenAddr":"a","Spec":{"Name":"x"}}""", "swarm spec must be named \"default\"")]
    [InlineData("init", """{"ListenAddr":"a","DefaultAddrPool":["10.0.0.0/28"]}""", "invalid CIDR: \"10.0.0.0/28\". Subnet size is too small for pool: 24")]
    [InlineData("init", """{"ListenAddr":"a","DefaultAddrPool":["10.0.0.0/8"],"SubnetSize":30}""", "subnet size is out of range: 30")]
    [InlineData("init", """{"ListenAddr":"a","DataPathPort":80}""", "Datapath port number is not in valid range (1024-49151) : 80")]
    [InlineData("join", """{"ListenAddr":"a"}""", "at least 1 RemoteAddr is required to join")]
    public async Task A_bad_request_to_enter_is_refused(string what, string json, string expected)
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        Assert.Equal(expected, await host.RefusedAsync(HttpStatusCode.BadRequest, "POST", "/swarm/" + what, json));
        Assert.Null(host.Asked);
    }

    [Fact]
    public async Task Nobody_enters_twice_and_the_last_manager_leaves_by_force_only()
    {
        await using var host = await SwarmHost.StartAsync();
        foreach (var (what, json) in ((string, string)[])[("init", """{"ListenAddr":"a"}"""), ("join", """{"ListenAddr":"a","RemoteAddrs":["b"]}""")])
        {
            Assert.Equal("This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.",
                await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, "POST", "/swarm/" + what, json));
        }
        Assert.Equal("You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. "
            + "Use `--force` to ignore this message. ", await host.RefusedAsync(HttpStatusCode.ServiceUnavailable, "POST", "/swarm/leave"));
        Assert.Null(host.Asked);
        await host.PostAsync("/swarm/leave?force=1", "");
        Assert.Equal(true, host.Asked);
    }

    [Fact]
    public async Task Join_adds_the_port()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        await host.PostAsync("/swarm/join", """{"ListenAddr":"0.0.0.0:2377","RemoteAddrs":["10.0.0.1","10.0.0.2:99"],"JoinToken":"t"}""");
        Assert.Equal(["10.0.0.1:2377", "10.0.0.2:99"], Assert.IsType<SwarmJoin>(host.Asked).RemoteAddrs);
    }

    [Fact]
    public async Task The_swarm_shows_its_tokens_and_info_does_not()
    {
        await using var host = await SwarmHost.StartAsync();
        var swarm = await host.GetAsync("/swarm");
        Assert.Equal("""{"Worker":"SWMTKN-1-w","Manager":"SWMTKN-1-m"}""", swarm["JoinTokens"]!.ToJsonString());
        Assert.Equal("SWMKEY-1-key", (string?)(await host.GetAsync("/swarm/unlockkey"))["UnlockKey"]);
        var info = (await host.GetAsync("/info"))["Swarm"]!;
        Assert.DoesNotContain("SWMTKN", info.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(("active", true, 3, 1, Given.Node1), ((string?)info["LocalNodeState"], (bool)info["ControlAvailable"]!, (int)info["Nodes"]!, (int)info["Managers"]!, (string?)info["NodeID"]));
        Assert.Equal("cluster", (string?)info["Cluster"]!["ID"]);
        Assert.Equal($$"""[{"NodeID":"{{Given.Node1}}","Addr":"10.0.0.1:2377"}]""", info["RemoteManagers"]!.ToJsonString());
    }

    [Fact]
    public async Task Outside_info_says_inactive()
    {
        await using var host = await SwarmHost.StartOutsideAsync();
        Assert.Equal("""{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false,"Error":"","RemoteManagers":null}""",
            (await host.GetAsync("/info"))["Swarm"]!.ToJsonString());
    }

    [Fact]
    public async Task An_update_carries_the_whole_spec()
    {
        await using var host = await SwarmHost.StartAsync();
        var swarm = await host.GetAsync("/swarm");
        swarm["Spec"]!["Orchestration"]!["TaskHistoryRetentionLimit"] = 9;
        await host.PostAsync($"/swarm/update?version={swarm["Version"]!["Index"]}", swarm["Spec"]!.ToJsonString());
        swarm = await host.GetAsync("/swarm");
        Assert.Equal(9, (int)swarm["Spec"]!["Orchestration"]!["TaskHistoryRetentionLimit"]!);
        Assert.Equal(5_000_000_000, (long)swarm["Spec"]!["Dispatcher"]!["HeartbeatPeriod"]!);
        Assert.Equal("invalid value for rotateWorkerToken: perhaps",
            await host.RefusedAsync(HttpStatusCode.BadRequest, "POST", "/swarm/update?version=1&rotateWorkerToken=perhaps", "{}"));
    }
}
