using Grpc.Core;
using Skep.Manager;
using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>docker run --network OVERLAY: engines ask for an attachment, and give it back.</summary>
public sealed class ResourceAllocatorService(IManager manager) : ResourceAllocator.ResourceAllocatorBase
{
    public override async Task<AttachNetworkResponse> AttachNetwork(AttachNetworkRequest request, ServerCallContext context)
    {
        if (request.Config is null)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "network attachment needs a network"));
        var input = new AttachNetwork(context.GetNode().NodeId, request.Config, request.ContainerId);
        var id = await RefusedCalls.TranslateAsync(manager.SubmitAsync(input, context.CancellationToken));
        return new AttachNetworkResponse { AttachmentId = id };
    }

    public override async Task<DetachNetworkResponse> DetachNetwork(DetachNetworkRequest request, ServerCallContext context)
    {
        var input = new DetachNetwork(context.GetNode().NodeId, request.AttachmentId);
        await RefusedCalls.TranslateAsync(manager.SubmitAsync(input, context.CancellationToken));
        return new DetachNetworkResponse();
    }
}
