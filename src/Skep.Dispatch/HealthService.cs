using Grpc.Core;
using Skep.Wire;
using Task = System.Threading.Tasks.Task;

namespace Skep.Dispatch;

/// <summary>Says that this manager serves: managers ask each other before they let a new one into the group. For managers only.</summary>
public sealed class HealthService : Health.HealthBase
{
    /// <summary>The one service that SwarmKit names; empty means the manager as a whole.</summary>
    private const string Raft = "Raft";

    // The cluster port is opened after the log, and closed before it: whoever can ask gets yes.
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) => request.Service is "" or Raft
        ? Task.FromResult(new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.Serving })
        : throw new RpcException(new Status(StatusCode.NotFound, "unknown service"));
}
