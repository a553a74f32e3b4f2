using Google.Protobuf;
using Skep.Dispatch;
using Skep.Dispatch.Outgoing;
using Skep.State;
using Skep.UnitTests.State;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class AssignmentSetTests
{
    private readonly ClusterState _state = new();
    private readonly UrgentTasks _urgent = new();
    private readonly AssignmentSet _set;

    public AssignmentSetTests() => _set = new AssignmentSet(new TaskMessages(), "n1", _urgent);

    [Fact]
    public void A_node_gets_the_tasks_that_are_assigned_to_it_and_no_others()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1, 2, 3), Batches.Assign("web-1", "n1"), Batches.Assign("web-2", "n2"));
        var change = Assert.Single(AsTheEngineReads(_set.Everything(_state)));
        Assert.Equal("web-1", change.Assignment.Task.Id);
        Assert.Equal(Wire.AssignmentChange.Types.AssignmentAction.Update, change.Action);
    }

    [Fact]
    public void The_spliced_message_says_all_that_the_engine_needs()
    {
        var network = new Wire.Network { Id = "net", Spec = new Wire.NetworkSpec { Annotations = new Wire.Annotations { Name = "front" } }, Ipam = new Wire.IPAMOptions() };
        var service = Batches.Service("web", "box:1");
        service.PutService.Service.Spec.Task.Networks.Add(new Wire.NetworkAttachmentConfig { Target = "net", Aliases = { "www" } });
        service.PutService.Service.Endpoint = new Wire.Endpoint { Ports = { new Wire.PortConfig { TargetPort = 80, PublishedPort = 8080 } } };
        Apply(new Mutation { PutNetwork = new PutNetwork { Network = network } }, service, Batches.Tasks("web", 1));
        Apply(new Mutation { AllocateTask = new AllocateTask { TaskId = "web-1", Attachments = { new Attachment { NetworkId = "net", Addresses = { "10.0.1.3/24" } } } } }, Batches.Assign("web-1", "n1"));

        var task = Assert.Single(AsTheEngineReads(_set.Everything(_state))).Assignment.Task;
        Assert.Equal(_state.Services["web"].Spec.Task, task.Spec);
        Assert.Equal(_state.Services["web"].Endpoint, task.Endpoint);
        Assert.Equal("web", task.ServiceAnnotations.Name);
        Assert.Equal("web.1.web-1", task.Annotations.Name);
        Assert.Equal(1ul, task.Slot);
        Assert.Equal(Wire.TaskState.Running, task.DesiredState);
        var attachment = Assert.Single(task.Networks);
        Assert.Equal(_state.Networks["net"], attachment.Network);
        Assert.Equal(["10.0.1.3/24"], attachment.Addresses);
        Assert.Equal(["www"], attachment.Aliases);
    }

    [Fact]
    public void What_the_node_itself_reported_is_not_told_back()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        _set.Everything(_state);
        Apply(Status("web-1", Wire.TaskState.Running));
        Assert.Empty(Told("web-1"));
    }

    [Fact]
    public void A_task_of_a_small_service_is_urgent_until_it_runs()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        _set.Everything(_state);
        Assert.True(_urgent.Any);
        _urgent.Note([Update("web-1", Wire.TaskState.Starting)]);
        Assert.True(_urgent.Any);
        _urgent.Note([Update("web-1", Wire.TaskState.Running)]);
        Assert.False(_urgent.Any);
    }

    [Fact]
    public void A_task_that_is_gone_before_it_ran_is_not_urgent()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        _set.Everything(_state);
        Apply(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { "web-1" } } });
        Told("web-1");
        Assert.False(_urgent.Any);
    }

    [Fact]
    public void Nobody_waits_for_a_certain_task_of_a_large_service()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", [.. Enumerable.Range(1, 101)]), Batches.Assign("web-1", "n1"));
        _set.Everything(_state);
        Assert.False(_urgent.Any);
    }

    [Fact]
    public void A_new_desired_state_is_told()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"), Status("web-1", Wire.TaskState.Running));
        _set.Everything(_state);
        Apply(new Mutation { SetTaskDesiredState = new SetTaskDesiredState { TaskId = "web-1", DesiredState = Wire.TaskState.Shutdown } });
        Assert.Equal(Wire.TaskState.Shutdown, Assert.Single(Told("web-1")).Assignment.Task.DesiredState);
    }

    [Fact]
    public void A_deleted_task_is_told_as_removed_once()
    {
        Apply(Batches.Service("web", "box:1"), Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"));
        _set.Everything(_state);
        Apply(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { "web-1" } } });
        var change = Assert.Single(Told("web-1"));
        Assert.Equal(Wire.AssignmentChange.Types.AssignmentAction.Remove, change.Action);
        Assert.Equal("web-1", change.Assignment.Task.Id);
        Assert.Empty(Told("web-1"));
    }

    [Fact]
    public void A_task_that_came_and_went_between_two_messages_is_never_told()
    {
        Apply(Batches.Service("web", "box:1"));
        _set.Everything(_state);
        Apply(Batches.Tasks("web", 1), Batches.Assign("web-1", "n1"), new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { "web-1" } } });
        Assert.Empty(Told("web-1"));
    }

    [Fact]
    public void A_secret_comes_with_the_first_task_that_needs_it_and_goes_with_the_last()
    {
        var service = Batches.Service("web", "box:1");
        service.PutService.Service.Spec.Task.Container.Secrets.Add(new Wire.SecretReference { SecretId = "s1", SecretName = "key" });
        Apply(new Mutation { PutSecret = new PutSecret { Secret = new Wire.Secret { Id = "s1", Spec = new Wire.SecretSpec { Data = ByteString.CopyFromUtf8("x") } } } },
            service, Batches.Tasks("web", 1, 2), Batches.Assign("web-1", "n1"));
        var first = AsTheEngineReads(_set.Everything(_state));
        Assert.Equal(Wire.Assignment.ItemOneofCase.Secret, first[0].Assignment.ItemCase);
        Assert.Equal(Wire.Assignment.ItemOneofCase.Task, first[1].Assignment.ItemCase);

        Apply(Batches.Assign("web-2", "n1"));
        Assert.Single(Told("web-2"));

        Apply(Status("web-1", Wire.TaskState.Failed));
        Assert.Empty(Told("web-1"));
        Apply(Status("web-2", Wire.TaskState.Failed));
        var last = Assert.Single(Told("web-2"));
        Assert.Equal("s1", last.Assignment.Secret.Id);
        Assert.Equal(Wire.AssignmentChange.Types.AssignmentAction.Remove, last.Action);
        Assert.True(last.Assignment.Secret.Spec is null);
    }

    private static Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate Update(string task, Wire.TaskState state) =>
        new() { TaskId = task, Status = new Wire.TaskStatus { State = state } };

    private static Mutation Status(string task, Wire.TaskState state) =>
        new() { SetTaskStatus = new SetTaskStatus { TaskId = task, Status = new Wire.TaskStatus { State = state } } };

    private void Apply(params Mutation[] mutations) => _state.Apply(Batches.Of(DateTimeOffset.UnixEpoch, mutations));

    private IReadOnlyList<Wire.AssignmentChange> Told(string taskId)
    {
        var changes = new List<OutgoingChange>();
        _set.Add(_state, taskId, changes);
        return AsTheEngineReads(changes);
    }

    // The engine's own message type, from the bytes that go out.
    private static IReadOnlyList<Wire.AssignmentChange> AsTheEngineReads(IReadOnlyList<OutgoingChange> changes)
    {
        var message = new OutgoingAssignments();
        message.Changes.AddRange(changes);
        return Wire.AssignmentsMessage.Parser.ParseFrom(message.ToByteArray()).Changes;
    }
}
