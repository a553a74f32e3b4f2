using Google.Protobuf;
using Skep.State;

namespace Skep.Manager;

/// <summary>What Api, Dispatch and Security see of the manager: the committed state to read, and a way to ask for changes.</summary>
public interface IManager
{
    /// <summary>Which manager this is, and which run of it.</summary>
    ManagerSelf Self { get; }

    StateStore Store { get; }

    bool IsLeader { get; }

    /// <summary>
    /// Completes when everything that was committed anywhere when this was called is in <see cref="Store"/>: what is read then is
    /// as fresh as on the leader. Needs a leader that a majority still follows.
    /// </summary>
    /// <exception cref="ControlException">Unavailable: no leader answered in time.</exception>
    Task ReadBarrierAsync(CancellationToken cancellation = default);

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
