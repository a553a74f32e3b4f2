using System.Runtime.CompilerServices;
using Google.Protobuf;
using Skep.Dispatch.Outgoing;
using Skep.State;

namespace Skep.Dispatch;

/// <summary>Makes the message of a task. What tasks share is encoded once and remembered as long as it is in use.</summary>
internal sealed class TaskMessages
{
    private readonly ConditionalWeakTable<Wire.Network, ByteString> _networks = [];
    private readonly ConditionalWeakTable<Wire.Endpoint, ByteString> _endpoints = [];

    public OutgoingTask Make(ClusterState state, TaskRecord task)
    {
        var message = new OutgoingTask
        {
            Id = task.Id,
            Meta = new Wire.Meta { Version = new Wire.Version { Index = task.Version }, CreatedAt = SwarmTime.ToWire(task.CreatedAt), UpdatedAt = SwarmTime.ToWire(task.UpdatedAt) },
            Spec = task.Spec.Encoded,
            ServiceId = task.ServiceId,
            Slot = task.Slot,
            NodeId = task.NodeId,
            Annotations = new Wire.Annotations { Name = task.Name },
            ServiceAnnotations = task.Spec.ServiceAnnotations,
            Status = task.Status.ToWire(),
            DesiredState = task.DesiredState,
            LogDriver = task.Spec.Spec.LogDriver ?? state.Cluster?.Spec.TaskDefaults?.LogDriver,
            SpecVersion = new Wire.Version { Index = task.Spec.Version },
        };
        message.AssignedGenericResources.AddRange(task.GenericResources);
        if (task.Endpoint is { } endpoint)
            message.Endpoint = _endpoints.GetValue(endpoint, static e => e.ToByteString());
        foreach (var attachment in task.Attachments)
        {
            if (state.Networks.TryGetValue(attachment.NetworkId, out var network))
                message.Networks.Add(MakeAttachment(task, attachment, network));
        }
        return message;
    }

    private OutgoingAttachment MakeAttachment(TaskRecord task, Attachment attachment, Wire.Network network)
    {
        var message = new OutgoingAttachment { Network = _networks.GetValue(network, static n => n.ToByteString()) };
        message.Addresses.AddRange(attachment.Addresses);
        if (task.Spec.Spec.Networks.FirstOrDefault(n => n.Target == network.Id || n.Target == network.Spec.Annotations.Name) is { } config)
        {
            message.Aliases.AddRange(config.Aliases);
            message.DriverAttachmentOpts.Add(config.DriverAttachmentOpts);
        }
        return message;
    }
}
