namespace Skep.Cli.Plan;

/// <summary>What one manager takes.</summary>
/// <param name="Cores">Of CPU, on average, with the demand's churn.</param>
/// <param name="MemoryBytes">Resident.</param>
/// <param name="NetworkBytesPerSecond">In and out together.</param>
internal readonly record struct ManagerLoad(double Cores, double MemoryBytes, double NetworkBytesPerSecond);

/// <summary>What every manager writes.</summary>
/// <param name="LogBytesPerDay">Of the write-ahead log.</param>
/// <param name="SnapshotBytes">Of one snapshot.</param>
/// <param name="SnapshotsPerDay">At most: a busy loop takes many changes in one entry.</param>
/// <param name="DiskBytes">Most that is on the disk at a time.</param>
internal readonly record struct DiskLoad(double LogBytesPerDay, double SnapshotBytes, double SnapshotsPerDay, double DiskBytes);
