namespace Skep.Log;

/// <summary>The replica is closed, or stopped after a failure, which is the inner exception.</summary>
public sealed class ReplicaStoppedException(string message, Exception? cause = null) : Exception(message, cause);
