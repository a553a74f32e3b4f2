namespace Skep.Raft;

/// <summary>
/// A rule that Raft's safety rests on is broken: the stored log lost something, or two members disagree about what is committed.
/// The node must stop; going on could lose committed entries.
/// </summary>
public sealed class RaftException(string message) : Exception(message);
