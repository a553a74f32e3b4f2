namespace Skep.Log;

/// <summary>What a replica expects in its directory.</summary>
public enum ReplicaStart
{
    /// <summary>The log of an earlier run.</summary>
    Existing,

    /// <summary>Nothing: begin a new group with this member as its only voter.</summary>
    NewGroup,

    /// <summary>Nothing: begin empty and wait for the leader of a group that has added this member.</summary>
    Join,
}
