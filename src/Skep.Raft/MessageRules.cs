namespace Skep.Raft;

/// <summary>What a message from the network must satisfy before the core reads it: a broken peer must not break us.</summary>
internal static class MessageRules
{
    public static bool IsWellFormed(Message message, ulong self)
    {
        if (message.To != self || message.From == self || message.From == NodeId.None || message.Term == 0)
            return false;
        return message.Type switch
        {
            MessageType.Append => EntriesFollow(message),
            MessageType.Snapshot => message.Snapshot is { Index: > 0, Term: > 0 } snapshot
                && snapshot.Term <= message.Term && snapshot.Membership.Voters.Count > 0,
            _ => Enum.IsDefined(message.Type),
        };
    }

    /// <summary>Answers only count from those who were asked.</summary>
    public static bool IsAnswer(MessageType type) => type is MessageType.AppendResponse or MessageType.HeartbeatResponse
        or MessageType.VoteResponse or MessageType.PreVoteResponse;

    public static bool IsFromLeader(MessageType type) =>
        type is MessageType.Append or MessageType.Heartbeat or MessageType.Snapshot;

    private static bool EntriesFollow(Message message)
    {
        if (message.LogTerm > message.Term)
            return false;
        var (index, term) = (message.Index, message.LogTerm);
        foreach (var entry in message.Entries)
        {
            if (entry.Index != index + 1 || entry.Term < term || entry.Term == 0 || entry.Term > message.Term
                || entry.Kind is not (EntryKind.Normal or EntryKind.ConfChange))
                return false;
            (index, term) = (entry.Index, entry.Term);
        }
        return true;
    }
}
