using Grpc.Core;
using Skep.Manager;

namespace Skep.Dispatch.Leader;

/// <summary>Takes what other managers forward. Whether the caller is a manager was checked before.</summary>
public sealed class LeaderService(ManagerService manager) : Leader.LeaderBase
{
    public override async Task<SubmitReply> Submit(SubmitRequest request, ServerCallContext context)
    {
        var answers = await Task.WhenAll(request.Inputs.Select(input => TakeAsync(input, context.CancellationToken)));
        var reply = new SubmitReply { Version = manager.Store.Read(state => state.Version) };
        reply.Answers.AddRange(answers);
        return reply;
    }

    private async Task<ForwardedAnswer> TakeAsync(ForwardedInput input, CancellationToken cancellation)
    {
        try
        {
            return InputCodec.EncodeValue(await manager.TakeAsync(InputCodec.Decode(input), cancellation));
        }
        catch (Exception refusal) when (refusal is not OperationCanceledException)
        {
            return InputCodec.Encode(refusal);
        }
    }
}
