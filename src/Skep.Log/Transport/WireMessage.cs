using Google.Protobuf;
using Skep.Raft;

namespace Skep.Log.Transport;

/// <summary>Messages of the core as they travel.</summary>
internal static class WireMessage
{
    public static RaftMessage ToWire(Message message)
    {
        var wire = new RaftMessage
        {
            Type = (uint)message.Type,
            From = message.From,
            To = message.To,
            Term = message.Term,
            LogTerm = message.LogTerm,
            Index = message.Index,
            Commit = message.Commit,
            Reject = message.Reject,
            RejectHint = message.RejectHint,
            ForcedByTransfer = message.ForcedByTransfer,
            Context = UnsafeByteOperations.UnsafeWrap(message.Context),
        };
        // Entries never change after they were made, so their bytes are not copied.
        foreach (var entry in message.Entries)
            wire.Entries.Add(new RaftEntry { Term = entry.Term, Kind = (uint)entry.Kind, Data = UnsafeByteOperations.UnsafeWrap(entry.Data) });
        if (message.Snapshot is { } snapshot)
        {
            wire.Snapshot = new RaftSnapshot { Index = snapshot.Index, Term = snapshot.Term };
            wire.Snapshot.Voters.AddRange(snapshot.Membership.Voters);
            wire.Snapshot.Learners.AddRange(snapshot.Membership.Learners);
        }
        return wire;
    }

    /// <exception cref="FormatException">Not a message that this version knows.</exception>
    public static Message FromWire(RaftMessage wire)
    {
        if (wire.Type is < (uint)MessageType.Append or > (uint)MessageType.ReadIndexResponse)
            throw new FormatException($"raft message of unknown type {wire.Type}: it comes from a newer skepd");
        return new Message
        {
            Type = (MessageType)wire.Type,
            From = wire.From,
            To = wire.To,
            Term = wire.Term,
            LogTerm = wire.LogTerm,
            Index = wire.Index,
            Commit = wire.Commit,
            Reject = wire.Reject,
            RejectHint = wire.RejectHint,
            ForcedByTransfer = wire.ForcedByTransfer,
            Context = wire.Context.Memory,
            Entries = Entries(wire),
            Snapshot = wire.Snapshot is null ? null : SnapshotOf(wire.Snapshot),
        };
    }

    private static Entry[] Entries(RaftMessage wire)
    {
        var entries = new Entry[wire.Entries.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = wire.Entries[i];
            if (entry.Kind > (uint)EntryKind.ConfChange)
                throw new FormatException($"log entry of unknown kind {entry.Kind}: it comes from a newer skepd");
            entries[i] = new Entry(entry.Term, wire.Index + 1 + (ulong)i, (EntryKind)entry.Kind, entry.Data.Memory);
        }
        return entries;
    }

    private static SnapshotMetadata SnapshotOf(RaftSnapshot wire)
    {
        try
        {
            return new SnapshotMetadata(wire.Index, wire.Term, new Membership(wire.Voters, wire.Learners));
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"a snapshot's membership is none: {e.Message}", e);
        }
    }
}
