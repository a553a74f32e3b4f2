using Google.Protobuf;

namespace Skep.Manager.Control;

/// <summary>The writes of SwarmKit's control API. Each kind of object has a file of its own.</summary>
internal static class ControlApi
{
    public static IMessage Handle(Turn turn, IMessage request) => request switch
    {
        Wire.UpdateClusterRequest update => ClusterControl.Update(turn, update),
        Wire.CreateNetworkRequest create => NetworkControl.Create(turn, create),
        Wire.RemoveNetworkRequest remove => NetworkControl.Remove(turn, remove),
        _ => throw new ControlException(ControlError.Unimplemented, $"{request.Descriptor.Name} is not implemented"),
    };
}
