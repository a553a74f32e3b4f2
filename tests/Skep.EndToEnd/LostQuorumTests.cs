using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Three managers without engines; two die for good, and the third goes on alone. No root.</summary>
[Trait("Category", "slow")]
public sealed class LostQuorumTests : IAsyncLifetime
{
    private readonly LoneSkepd[] _managers = [new(), new(), new()];

    private LoneSkepd Last => _managers[2];

    public async ValueTask InitializeAsync()
    {
        foreach (var manager in _managers)
            Assert.Null(await manager.StartAsync());
        await _managers[0].InitAsync();
        await _managers[1].JoinAsync(_managers[0]);
        await Last.JoinAsync(_managers[0]);
        for (var i = 0; i < 20; i++)
        {
            using var answer = await _managers[i % 3].CreateServiceAsync($"s{i:00}");
            Assert.True(answer.IsSuccessStatusCode);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var manager in _managers)
            await manager.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_last_one_goes_on_with_all_that_was_answered(bool isStartedAnew)
    {
        await LoseTheOthersAsync();
        if (isStartedAnew)
        {
            await Last.KillAsync();
            Assert.Null(await Last.StartAsync());
        }
        await ForceAsync();
        Assert.Equal(20, (await Last.ServicesAsync()).Count);
        Assert.Equal(["", "", "leader"], await Last.ManagerStatusesAsync());
        await Last.CreateServiceAsync("after");
        await Last.KillAsync();
        Assert.Null(await Last.StartAsync());
        Assert.Equal(21, (await Last.ServicesAsync()).Count);
    }

    [Fact]
    public async Task One_that_comes_back_with_its_old_data_does_no_harm_and_may_join_again()
    {
        await LoseTheOthersAsync();
        await ForceAsync();
        Assert.Null(await _managers[0].StartAsync());
        await Cluster.WaitFor("the old one to see that it was left behind", 30, _managers[0].StateAsync, state => state == "error");
        await Last.CreateServiceAsync("after");
        Assert.Equal(21, (await Last.ServicesAsync()).Count);
        await _managers[0].LeaveAsync();
        await _managers[0].JoinAsync(Last);
        Assert.Equal(21, (await _managers[0].ServicesAsync()).Count);
        Assert.Equal(["", "", "leader", "reachable"], await Last.ManagerStatusesAsync());
    }

    [Fact]
    public async Task Both_together_lead_their_old_group_and_the_new_one_does_not_hear_them()
    {
        await LoseTheOthersAsync();
        await ForceAsync();
        Assert.Null(await _managers[0].StartAsync());
        Assert.Null(await _managers[1].StartAsync());
        await Cluster.WaitFor("the old group to have a leader", 20, async () => (await _managers[0].Client.GetAsync("/v1.41/services")).IsSuccessStatusCode, done => done);
        await _managers[0].CreateServiceAsync("old");
        await Last.CreateServiceAsync("new");
        await Task.Delay(2000);
        Assert.Contains("new", await Last.ServicesAsync());
        Assert.DoesNotContain("old", await Last.ServicesAsync());
    }

    private async Task LoseTheOthersAsync()
    {
        await _managers[0].KillAsync();
        await _managers[1].KillAsync();
    }

    private async Task ForceAsync()
    {
        using var answer = await Last.TryInitAsync(forceNewCluster: true);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }
}
