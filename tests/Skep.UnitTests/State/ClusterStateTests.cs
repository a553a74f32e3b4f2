using Google.Protobuf;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class ClusterStateTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_batch_gives_its_version_and_time_to_what_it_changes()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1")));
        state.Apply(Batches.Of(Noon.AddSeconds(1), Batches.Tasks("web", 1)));

        Assert.Equal(1ul, state.Services["web"].Meta.Version.Index);
        var task = state.Tasks.Find("web-1")!;
        Assert.Equal(2ul, task.Version);
        Assert.Equal(Noon.AddSeconds(1), task.CreatedAt);
        Assert.Equal("web.1.web-1", task.Name);
    }

    [Fact]
    public void Scaling_leaves_the_task_spec_as_it_is_and_a_new_image_replaces_it()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1", replicas: 1), Batches.Tasks("web", 1)));
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1", replicas: 5)));
        Assert.Same(state.TaskSpecOf("web"), state.Tasks.Find("web-1")!.Spec);

        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:2", replicas: 5)));
        Assert.NotSame(state.TaskSpecOf("web"), state.Tasks.Find("web-1")!.Spec);
        Assert.Equal("box:1", state.Tasks.Find("web-1")!.Spec.Spec.Container.Image);
    }

    [Fact]
    public void Tasks_are_found_by_node_service_and_slot_through_all_their_changes()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2)));
        state.Apply(Batches.Of(Noon, Batches.Assign("web-1", "n1"), Batches.Assign("web-2", "n2")));

        Assert.Equal("web-1", Assert.Single(state.Tasks.OnNode("n1")).Id);
        Assert.Equal(2, state.Tasks.OfService("web").Count);
        Assert.Equal("web-2", Assert.Single(state.Tasks.InSlot("web", new SlotKey(2, ""))).Id);

        state.Apply(Batches.Of(Noon, new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { "web-1" } } }));
        Assert.Empty(state.Tasks.OnNode("n1"));
        Assert.Empty(state.Tasks.InSlot("web", new SlotKey(1, "")));
        Assert.Equal(1, state.Tasks.Count);
    }

    [Fact]
    public void A_task_takes_its_services_endpoint_when_it_is_allocated()
    {
        var state = new ClusterState();
        var service = Batches.Service("web", "box:1");
        service.PutService.Service.Endpoint = new Wire.Endpoint { VirtualIps = { new Wire.Endpoint.Types.VirtualIP { NetworkId = "net", Addr = "10.0.1.2/24" } } };
        state.Apply(Batches.Of(Noon, service, Batches.Tasks("web", 1)));
        state.Apply(Batches.Of(Noon, new Mutation { AllocateTask = new AllocateTask { TaskId = "web-1", Attachments = { new Attachment { NetworkId = "net", Addresses = { "10.0.1.3/24" } } } } }));

        var task = state.Tasks.Find("web-1")!;
        Assert.Equal(Wire.TaskState.Pending, task.State);
        Assert.Same(state.Services["web"].Endpoint, task.Endpoint);
    }

    [Fact]
    public void Service_names_are_found_without_case_and_forgotten_when_renamed_or_removed()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("a", "box:1", name: "Web")));
        Assert.Equal("a", state.ServiceByName("wEB")!.Id);
        state.Apply(Batches.Of(Noon, Batches.Service("a", "box:1", name: "front")));
        Assert.Null(state.ServiceByName("web"));
        state.Apply(Batches.Of(Noon, new Mutation { RemoveService = new RemoveObject { Id = "a" } }));
        Assert.Null(state.ServiceByName("front"));
        Assert.Null(state.TaskSpecOf("a"));
    }

    [Fact]
    public void A_batch_of_a_newer_format_is_refused_and_changes_nothing()
    {
        var state = new ClusterState();
        var batch = Batches.Of(Noon, Batches.Service("web", "box:1"));
        batch.Format = ClusterState.Format + 1;
        var refused = Assert.Throws<StateFormatException>(() => state.Apply(batch));
        Assert.Contains("upgrade skepd", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0ul, state.Version);
    }

    [Fact]
    public void Many_tasks_assigned_at_once_are_as_if_each_had_been_assigned_alone()
    {
        var (one, many) = (new ClusterState(), new ClusterState());
        foreach (var state in new[] { one, many })
            state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2, 3)));
        one.Apply(Batches.Of(Noon, Batches.Assign("web-1", "n2"), Batches.Assign("web-2", "n1"), Batches.Assign("web-3", "n2")));
        var changes = many.Apply(Batches.Of(Noon, Batches.Assign(["n1", "n2"], ("web-1", 1), ("web-2", 0), ("web-3", 1))));

        Assert.Equal(Batches.Dump(one), Batches.Dump(many));
        Assert.Equal(["web-1", "web-3"], many.Tasks.OnNode("n2").Select(t => t.Id).Order());
        Assert.Equal(["web-1", "web-2", "web-3"], changes.Cast<TaskChange>().Select(c => c.New!.Id));
    }

    [Fact]
    public void An_assignment_that_does_not_fit_itself_is_refused()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1"), Batches.Tasks("web", 1)));
        Assert.Throws<StateDivergedException>(() => state.Apply(Batches.Of(Noon, Batches.Assign(["n1"], ("web-1", 1)))));
        Assert.Throws<StateDivergedException>(() => state.Apply(Batches.Of(Noon, new Mutation { AssignTasks = new AssignTasks { NodeIds = { "n1" }, TaskIds = { "web-1" } } })));
        Assert.Throws<StateDivergedException>(() => state.Apply(Batches.Of(Noon, Batches.Assign(["n1"], ("ghost", 0)))));
    }

    [Fact]
    public void A_mutation_of_an_unknown_task_means_that_the_states_differ()
    {
        var state = new ClusterState();
        Assert.Throws<StateDivergedException>(() => state.Apply(Batches.Of(Noon, Batches.Assign("ghost", "n1"))));
    }

    [Fact]
    public void A_mutation_of_a_kind_from_the_future_is_refused()
    {
        var state = new ClusterState();
        Assert.Throws<StateDivergedException>(() => state.Apply(Batches.Of(Noon, new Mutation())));
    }

    [Fact]
    public void A_clone_goes_its_own_way()
    {
        var state = new ClusterState();
        state.Apply(Batches.Of(Noon, Batches.Service("web", "box:1"), Batches.Tasks("web", 1)));
        var clone = state.Clone();
        clone.Apply(Batches.Of(Noon, Batches.Tasks("web", 2), Batches.Assign("web-1", "n1")));

        Assert.Equal(1, state.Tasks.Count);
        Assert.Equal("", state.Tasks.Find("web-1")!.NodeId);
        Assert.Same(state.TaskSpecOf("web"), clone.TaskSpecOf("web"));
        Assert.Equal(state.Version + 1, clone.Version);
    }

    [Fact]
    public void Equal_batches_give_equal_states_whatever_form_they_came_in()
    {
        var random = new Random(7);
        var straight = new ClusterState();
        var decoded = new ClusterState();
        foreach (var batch in Batches.RandomHistory(random, 200))
        {
            // The decoded copy is made first: applying may fill in fields of the batch's own objects.
            var copy = Batch.Parser.ParseFrom(batch.ToByteArray());
            straight.Apply(batch);
            decoded.Apply(copy);
        }
        Assert.Equal(Batches.Dump(straight), Batches.Dump(decoded));
    }
}
