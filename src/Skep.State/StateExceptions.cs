namespace Skep.State;

/// <summary>A mutation does not fit the state: this manager's state differs from the one it was made for. Never go on after it.</summary>
public sealed class StateDivergedException(string what)
    : Exception($"this manager's state differs from the leader's: {what}; stop it, and restore it from another manager or a backup");

/// <summary>Stored by a newer version.</summary>
public sealed class StateFormatException(string what, uint format, uint known)
    : Exception($"the {what} is of format {format}, this version of skepd knows formats up to {known}; upgrade skepd on this host");

/// <summary>A snapshot that cannot be read whole.</summary>
public sealed class SnapshotDamagedException(string what) : Exception($"the snapshot is damaged: {what}");
