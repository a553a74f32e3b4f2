using Google.Protobuf;

namespace Skep.Manager.Control;

/// <summary>The writes of SwarmKit's control API. Each kind of object has a file of its own.</summary>
internal static class ControlApi
{
    public static IMessage Handle(Turn turn, IMessage request) => request switch
    {
        Wire.CreateNetworkRequest create => NetworkControl.Create(turn, create),
        Wire.RemoveNetworkRequest remove => NetworkControl.Remove(turn, remove),
        Wire.CreateServiceRequest create => ServiceControl.Create(turn, create),
        Wire.UpdateServiceRequest update => ServiceControl.Update(turn, update),
        Wire.RemoveServiceRequest remove => ServiceControl.Remove(turn, remove),
        Wire.UpdateNodeRequest update => NodeControl.Update(turn, update),
        Wire.RemoveNodeRequest remove => NodeControl.Remove(turn, remove),
        Wire.RemoveTaskRequest remove => TaskControl.Remove(turn, remove),
        Wire.CreateSecretRequest create => SecretControl.Create(turn, create),
        Wire.UpdateSecretRequest update => SecretControl.Update(turn, update),
        Wire.RemoveSecretRequest remove => SecretControl.Remove(turn, remove),
        Wire.CreateConfigRequest create => ConfigControl.Create(turn, create),
        Wire.UpdateConfigRequest update => ConfigControl.Update(turn, update),
        Wire.RemoveConfigRequest remove => ConfigControl.Remove(turn, remove),
        Wire.UpdateClusterRequest update => ClusterControl.Update(turn, update),
        _ => throw new ControlException(ControlError.Unimplemented, $"{request.Descriptor.Name} is not implemented"),
    };
}
