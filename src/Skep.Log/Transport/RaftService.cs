using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Raft;
using Status = Grpc.Core.Status;

namespace Skep.Log.Transport;

/// <summary>Takes in what other members send. Whether the caller is a manager was checked before.</summary>
public sealed class RaftService(Replica replica, ulong self, ILogger logger) : Raft.RaftBase
{
    /// <summary>Of one message: the largest proposal, and room for what is around it.</summary>
    public const int MaxMessageBytes = 32 << 20;

    /// <summary>How much of a snapshot is read ahead of the disk.</summary>
    private const int ReadAheadBytes = 4 << 20;

    public override async Task<RaftReply> Send(IAsyncStreamReader<RaftMessages> requestStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken).ConfigureAwait(false))
        {
            foreach (var wire in requestStream.Current.Messages)
            {
                var message = Read(wire);
                if (message.Type != MessageType.Snapshot)
                    replica.Step(message);
            }
        }
        return new RaftReply();
    }

    public override async Task<RaftReply> SendSnapshot(IAsyncStreamReader<SnapshotPart> requestStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken).ConfigureAwait(false) || requestStream.Current.Message is not { Snapshot: not null } first)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "a snapshot begins with its message"));
        var message = Read(first);
        logger.LogInformation("log: receiving the snapshot of entry {Index} from raft member {Id:x}", message.Snapshot!.Index, message.From);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: ReadAheadBytes, resumeWriterThreshold: ReadAheadBytes / 2, useSynchronizationContext: false));
        var filling = FillAsync(pipe.Writer, requestStream, context.CancellationToken);
        try
        {
            await replica.ReceiveSnapshotAsync(message, pipe.Reader.AsStream(), context.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ReplicaStoppedException)
        {
            logger.LogWarning("log: the snapshot of entry {Index} could not be received: {Reason}", message.Snapshot.Index, e.Message);
            throw new RpcException(new Status(StatusCode.Internal, $"the snapshot could not be received: {e.Message}"));
        }
        finally
        {
            await pipe.Reader.CompleteAsync().ConfigureAwait(false);
            await filling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return new RaftReply();
    }

    private static async Task FillAsync(PipeWriter writer, IAsyncStreamReader<SnapshotPart> parts, CancellationToken cancellation)
    {
        Exception? fault = new EndOfStreamException("the snapshot ended early");
        try
        {
            while (await parts.MoveNext(cancellation).ConfigureAwait(false))
            {
                if (parts.Current.Last)
                {
                    fault = null;
                    break;
                }
                var flushed = await writer.WriteAsync(parts.Current.Content.Memory, cancellation).ConfigureAwait(false);
                if (flushed.IsCompleted)
                    break;
            }
        }
        catch (Exception e)
        {
            fault = e as IOException ?? new IOException($"the snapshot ended early: {e.Message}", e);
        }
        await writer.CompleteAsync(fault).ConfigureAwait(false);
    }

    private Message Read(RaftMessage wire)
    {
        if (wire.To != self)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"this is raft member {self:x}, not {wire.To:x}"));
        try
        {
            return WireMessage.FromWire(wire);
        }
        catch (FormatException e)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, e.Message));
        }
    }
}
