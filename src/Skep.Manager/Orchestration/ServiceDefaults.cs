using Google.Protobuf.WellKnownTypes;

namespace Skep.Manager.Orchestration;

/// <summary>What holds where a service's spec says nothing (SwarmKit's api/defaults).</summary>
internal static class ServiceDefaults
{
    /// <summary>Tasks kept per slot, the running one included, when the cluster does not say.</summary>
    public const long TaskHistory = 5;

    private const long SecondsPerCentury = 3_155_760_000;

    public static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan UpdateMonitor = TimeSpan.FromSeconds(5);

    /// <summary>Of an update and of a rollback: one task at a time, stop-first, pause at the first failure.</summary>
    public static readonly Wire.UpdateConfig Update = new() { Parallelism = 1, FailureAction = Wire.UpdateConfig.Types.FailureAction.Pause };

    public static Wire.RestartPolicy.Types.RestartCondition RestartConditionOf(Wire.TaskSpec spec) =>
        spec.Restart?.Condition ?? Wire.RestartPolicy.Types.RestartCondition.Any;

    public static TimeSpan RestartDelayOf(Wire.TaskSpec spec) => Positive(spec.Restart?.Delay) ?? RestartDelay;

    public static TimeSpan MonitorOf(Wire.UpdateConfig config) => Positive(config.Monitor) ?? UpdateMonitor;

    /// <summary>
    /// A duration of a spec; null when it is not given. Validation refuses what cannot be counted with, but a rule must not fail
    /// on what is in the state: it counts as 0, or as a century.
    /// </summary>
    public static TimeSpan? Positive(Duration? duration)
    {
        if (duration is null)
            return null;
        var seconds = Math.Clamp(duration.Seconds, 0, SecondsPerCentury);
        return TimeSpan.FromSeconds(seconds) + TimeSpan.FromTicks(Math.Clamp(duration.Nanos, 0, 999_999_999) / 100);
    }
}
