using Skep.State;

namespace Skep.Manager.Nodes;

/// <summary>docker run --network OVERLAY: a task that holds the container's address.</summary>
internal static class AttachmentInputs
{
    public static string Attach(Turn turn, AttachNetwork attach)
    {
        var network = turn.State.Networks.GetValueOrDefault(attach.Config.Target)
            ?? turn.State.Networks.Values.FirstOrDefault(n => n.Spec.Annotations.Name == attach.Config.Target)
            ?? throw new ControlException(ControlError.NotFound, $"network {attach.Config.Target} not found");
        if (!network.Spec.Attachable)
            throw new ControlException(ControlError.PermissionDenied, $"network {attach.Config.Target} not manually attachable");
        var config = attach.Config.Clone();
        config.Target = network.Id;
        var id = turn.Ids.NextId();
        turn.Emit(new Mutation
        {
            CreateAttachment = new CreateAttachment
            {
                Id = id,
                NodeId = attach.NodeId,
                Spec = new Wire.TaskSpec { Attachment = new Wire.NetworkAttachmentSpec { ContainerId = attach.ContainerId }, Networks = { config } },
            },
        });
        return id;
    }

    public static void Detach(Turn turn, DetachNetwork detach)
    {
        if (turn.State.Tasks.Find(detach.AttachmentId) is not { IsAttachment: true } task || task.NodeId != detach.NodeId)
            throw new ControlException(ControlError.NotFound, $"attachment {detach.AttachmentId} not found");
        turn.Emit(new Mutation { RemoveTasks = new RemoveTasks { TaskIds = { detach.AttachmentId } } });
    }
}
