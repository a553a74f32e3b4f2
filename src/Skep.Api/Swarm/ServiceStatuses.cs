using Skep.State;

namespace Skep.Api.Swarm;

/// <summary>How many tasks of a service run: docker service ls's REPLICAS. By the counts that the state keeps.</summary>
internal static class ServiceStatuses
{
    public static Types.ServiceStatus Of(ClusterState state, Wire.Service service)
    {
        var counts = state.Tasks.CountsOf(service.Id);
        var mode = service.Spec.ModeCase;
        return new Types.ServiceStatus
        {
            RunningTasks = (ulong)counts.Running,
            CompletedTasks = mode is Wire.ServiceSpec.ModeOneofCase.ReplicatedJob or Wire.ServiceSpec.ModeOneofCase.GlobalJob ? (ulong)counts.Complete : 0,
            DesiredTasks = mode switch
            {
                Wire.ServiceSpec.ModeOneofCase.Replicated => service.Spec.Replicated.Replicas,
                Wire.ServiceSpec.ModeOneofCase.ReplicatedJob => service.Spec.ReplicatedJob.MaxConcurrent,
                Wire.ServiceSpec.ModeOneofCase.Global or Wire.ServiceSpec.ModeOneofCase.GlobalJob => (ulong)(counts.WantedRunning + counts.WantedComplete),
                _ => 0,
            },
        };
    }
}
