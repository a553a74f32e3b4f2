using Skep.Raft;

namespace Skep.Log;

/// <summary>Carries messages to the other members.</summary>
public interface ITransport
{
    /// <summary>
    /// Takes messages to send, in order for each receiver. Must not block; may drop what it cannot send, and then says so with
    /// <see cref="Replica.ReportUnreachable"/>. For a message of type <see cref="MessageType.Snapshot"/> it streams what
    /// <see cref="Replica.OpenSnapshot"/> gives, and reports the outcome with <see cref="Replica.ReportSnapshotAsync"/>.
    /// </summary>
    void Send(IReadOnlyList<Message> messages);
}
