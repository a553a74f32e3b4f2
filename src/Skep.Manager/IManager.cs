using Google.Protobuf;
using Skep.State;

namespace Skep.Manager;

/// <summary>What Api, Dispatch and Security see of the manager: the committed state to read, and a way to ask for changes.</summary>
public interface IManager
{
    StateStore Store { get; }

    bool IsLeader { get; }

    /// <summary>Hands an input to the leader and waits until what it caused is committed.</summary>
    /// <exception cref="ControlException">Refused; or Unavailable when there is no leader or too much waits.</exception>
    Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default);
}

public static class ManagerExtensions
{
    /// <summary>A control API write with its typed answer.</summary>
    public static async Task<TResponse> CallAsync<TResponse>(this IManager manager, IMessage request, CancellationToken cancellation = default)
        where TResponse : IMessage<TResponse> =>
        (TResponse)await manager.SubmitAsync(new ControlCall(request), cancellation);
}
