using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>How many tasks of a service run: docker service ls's REPLICAS. Each task of the service is looked at once.</summary>
internal static class ServiceStatuses
{
    public static Types.ServiceStatus Of(ClusterState state, Wire.Service service)
    {
        var status = new Types.ServiceStatus();
        var mode = service.Spec.ModeCase;
        var isJob = mode is Wire.ServiceSpec.ModeOneofCase.ReplicatedJob or Wire.ServiceSpec.ModeOneofCase.GlobalJob;
        var isGlobal = mode is Wire.ServiceSpec.ModeOneofCase.Global or Wire.ServiceSpec.ModeOneofCase.GlobalJob;
        status.DesiredTasks = mode switch
        {
            Wire.ServiceSpec.ModeOneofCase.Replicated => service.Spec.Replicated.Replicas,
            Wire.ServiceSpec.ModeOneofCase.ReplicatedJob => service.Spec.ReplicatedJob.MaxConcurrent,
            _ => 0,
        };
        foreach (var task in state.Tasks.OfService(service.Id))
        {
            if (task.State == Wire.TaskState.Running)
                status.RunningTasks++;
            if (isJob && task.State == Wire.TaskState.Complete)
                status.CompletedTasks++;
            if (isGlobal && (task.DesiredState == Wire.TaskState.Running || (task.DesiredState == Wire.TaskState.Complete && task.State != Wire.TaskState.Complete)))
                status.DesiredTasks++;
        }
        return status;
    }
}
