namespace Skep.Log;

/// <summary>The file is sound, but written in a format, or sealed with a key, that this program does not have.</summary>
public sealed class LogVersionException(string message) : IOException(message);
