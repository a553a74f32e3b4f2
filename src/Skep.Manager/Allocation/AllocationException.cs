namespace Skep.Manager.Allocation;

/// <summary>What was asked for cannot be given now. The message is stock's, and what users read in the task's error.</summary>
internal sealed class AllocationException(string message) : Exception(message);
