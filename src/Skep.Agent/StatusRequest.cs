using System.IO.Hashing;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Agent;

/// <summary>
/// A session's calls with task statuses, as a stock engine writes them, container id and process id included, so that managers keep as much of them.
/// There is one call at a time, so that its message is made once and filled again and again.
/// </summary>
internal sealed class StatusRequest
{
    /// <summary>Of a container that has ended with a failure.</summary>
    private const int FailureExitCode = 1;

    private const int LowestPid = 1000;
    private const int IdBytes = 32;

    private readonly Wire.UpdateTaskStatusRequest _request;
    private readonly Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate _first = New();
    private readonly Wire.ContainerStatus _firstContainer = new();

    /// <param name="sessionId">The session's.</param>
    public StatusRequest(string sessionId) => _request = new Wire.UpdateTaskStatusRequest { SessionId = sessionId };

    /// <summary>The message with these; valid until the next call.</summary>
    public Wire.UpdateTaskStatusRequest Of(List<TaskReport> reports)
    {
        _request.Updates.Clear();
        for (var i = 0; i < reports.Count; i++)
        {
            var update = i == 0 ? _first : New();
            Fill(update, reports[i], i == 0 ? _firstContainer : new Wire.ContainerStatus());
            _request.Updates.Add(update);
        }
        return _request;
    }

    private static Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate New() => new() { Status = new Wire.TaskStatus { Timestamp = new Timestamp() } };

    private static void Fill(Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate update, TaskReport report, Wire.ContainerStatus container)
    {
        update.TaskId = report.Task.Id;
        var status = update.Status;
        var sinceEpoch = report.Since - DateTimeOffset.UnixEpoch;
        var seconds = (long)Math.Floor(sinceEpoch.TotalSeconds);
        status.Timestamp.Seconds = seconds;
        status.Timestamp.Nanos = (int)((sinceEpoch.Ticks - (seconds * TimeSpan.TicksPerSecond)) * TimeSpan.NanosecondsPerTick);
        status.State = report.State;
        status.Message = TaskLifecycle.Message(report.State);
        status.Err = report.Error;
        status.Container = null;
        if (report.State < Wire.TaskState.Starting || report.State == Wire.TaskState.Rejected)
            return;
        Fill(container, report);
        status.Container = container;
    }

    // 64 hex digits and a process id, as Docker has them, the same ones each time.
    private static void Fill(Wire.ContainerStatus container, TaskReport report)
    {
        Span<byte> seed = stackalloc byte[Encoding.UTF8.GetMaxByteCount(report.Task.Id.Length)];
        seed = seed[..Encoding.UTF8.GetBytes(report.Task.Id, seed)];
        Span<byte> id = stackalloc byte[IdBytes];
        XxHash128.Hash(seed, id);
        XxHash128.Hash(seed, id[(IdBytes / 2)..], seed: 1);
        container.ContainerId = Convert.ToHexStringLower(id);
        container.Pid = report.State == Wire.TaskState.Running ? LowestPid + (id[0] << 8) + id[1] : 0;
        container.ExitCode = report.State == Wire.TaskState.Failed ? FailureExitCode : 0;
    }
}
