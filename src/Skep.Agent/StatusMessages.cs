using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Agent;

/// <summary>Task statuses as a stock engine writes them, container id and process id included, so that managers keep as much of them.</summary>
internal static class StatusMessages
{
    /// <summary>Of a container that has ended with a failure.</summary>
    private const int FailureExitCode = 1;

    private const int LowestPid = 1000;

    public static Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate Make(TaskReport report)
    {
        var status = new Wire.TaskStatus
        {
            State = report.State,
            Timestamp = Timestamp.FromDateTimeOffset(report.Since),
            Message = TaskLifecycle.Message(report.State),
            Err = report.Error,
        };
        if (report.State >= Wire.TaskState.Starting && report.State != Wire.TaskState.Rejected)
            status.Container = Container(report);
        return new Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate { TaskId = report.TaskId, Status = status };
    }

    // 64 hex digits and a process id, as Docker has them, the same ones each time.
    private static Wire.ContainerStatus Container(TaskReport report)
    {
        var seed = Encoding.ASCII.GetBytes(report.TaskId);
        var (low, high) = (XxHash128.HashToUInt128(seed), XxHash128.HashToUInt128(seed, seed: 1));
        return new Wire.ContainerStatus
        {
            ContainerId = low.ToString("x32", CultureInfo.InvariantCulture) + high.ToString("x32", CultureInfo.InvariantCulture),
            Pid = report.State == Wire.TaskState.Running ? LowestPid + (int)(low % 60_000) : 0,
            ExitCode = report.State == Wire.TaskState.Failed ? FailureExitCode : 0,
        };
    }
}
