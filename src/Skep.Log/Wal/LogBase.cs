namespace Skep.Log;

/// <summary>The entry just before the first one that is kept: what came before is in a snapshot, or nowhere.</summary>
internal readonly record struct LogBase(ulong Index, ulong Term);
