using Grpc.Core;

namespace Skep.Dispatch.Leader;

/// <summary>Knows who leads, by what the log says, and how to reach him.</summary>
public interface ILeaderLocator
{
    /// <summary>The leader, if there is one and it is another manager.</summary>
    LeaderAddress? Leader { get; }

    /// <summary>Whether anyone leads, this manager included.</summary>
    bool HasLeader { get; }
}

/// <summary>Another manager that leads.</summary>
/// <param name="Channel">To its cluster port.</param>
/// <param name="Replaced">Fires when it leads no more, as far as known here: what it was asked will hardly be answered.</param>
public sealed record LeaderAddress(ChannelBase Channel, CancellationToken Replaced);
