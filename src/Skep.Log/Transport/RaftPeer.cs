using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log.Transport;

/// <summary>The way to one other member: a bounded queue and one stream that empties it. What cannot be sent is dropped and said so.</summary>
internal sealed class RaftPeer : IAsyncDisposable
{
    /// <summary>Messages that may wait. The core's flow control keeps their bytes bounded.</summary>
    private const int MaxQueued = 4096;

    /// <summary>Bytes gathered into one write; a message of its own may be larger.</summary>
    private const int MaxBatchBytes = 1 << 20;

    private const int SnapshotPartBytes = 256 << 10;

    /// <summary>After a failure, so that a member that is down is not called in a loop.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>A write that takes longer goes to a member that hangs: the stream is given up.</summary>
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(5);

    /// <summary>For a part of a snapshot, and for the member's reading of the whole at the end.</summary>
    private static readonly TimeSpan SnapshotPartTimeout = TimeSpan.FromSeconds(60);

    private readonly ulong _id;
    private readonly Replica _replica;
    private readonly Func<ulong, ChannelBase?> _channelOf;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing;
    private readonly Channel<Message> _queue = Channel.CreateBounded<Message>(new BoundedChannelOptions(MaxQueued) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly Task _sending;
    private Task _snapshot = Task.CompletedTask;
    private bool _isDown;

    public RaftPeer(ulong id, Replica replica, Func<ulong, ChannelBase?> channelOf, TimeProvider time, ILogger logger, CancellationToken closing)
    {
        _id = id;
        _replica = replica;
        _channelOf = channelOf;
        _time = time;
        _logger = logger;
        _closing = CancellationTokenSource.CreateLinkedTokenSource(closing);
        _sending = Task.Run(SendAllAsync, CancellationToken.None);
    }

    /// <summary>Called on the replica's thread.</summary>
    public void Send(Message message)
    {
        if (message.Type == MessageType.Snapshot)
            StartSnapshot(message);
        else if (!_queue.Writer.TryWrite(message))
            _replica.ReportUnreachable(_id);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _snapshot.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
    }

    private async Task SendAllAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                await _queue.Reader.WaitToReadAsync(_closing.Token).ConfigureAwait(false);
                await StreamAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_closing.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                NoteDown(e);
                // What waited is old by the time the member is back; the core sends anew.
                while (_queue.Reader.TryRead(out _))
                {
                }
                await Task.Delay(RetryDelay, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Sends until something fails.</summary>
    private async Task StreamAsync()
    {
        var channel = _channelOf(_id) ?? throw new IOException("its address is not known");
        using var call = new Raft.RaftClient(channel).Send(cancellationToken: _closing.Token);
        var answer = call.ResponseAsync;
        // Looked at below; a stream that ends for another reason must not leave an unseen failure behind.
        _ = answer.ContinueWith(a => a.Exception, TaskScheduler.Default);
        while (true)
        {
            if (answer.IsCompleted)
                await answer.ConfigureAwait(false);
            if (answer.IsCompleted)
                throw new IOException("it ended the stream");
            if (NextBatch() is { } batch)
            {
                await call.RequestStream.WriteAsync(batch, _closing.Token).WaitAsync(WriteTimeout, _time, _closing.Token).ConfigureAwait(false);
                NoteUp();
                continue;
            }
            await Task.WhenAny(_queue.Reader.WaitToReadAsync(_closing.Token).AsTask(), answer).ConfigureAwait(false);
            _closing.Token.ThrowIfCancellationRequested();
        }
    }

    private RaftMessages? NextBatch()
    {
        RaftMessages? batch = null;
        var bytes = 0;
        while (bytes < MaxBatchBytes && _queue.Reader.TryRead(out var message))
        {
            batch ??= new RaftMessages();
            batch.Messages.Add(WireMessage.ToWire(message));
            bytes += 64 + message.Entries.Sum(entry => entry.Data.Length + 16);
        }
        return batch;
    }

    private void StartSnapshot(Message message)
    {
        // The core sends the next one only after the report on this one.
        _snapshot = Task.Run(async () =>
        {
            var succeeded = false;
            try
            {
                await SendSnapshotAsync(message).ConfigureAwait(false);
                succeeded = true;
            }
            catch (Exception e) when (!_closing.IsCancellationRequested)
            {
                _logger.LogWarning("log: the snapshot for raft member {Id:x} could not be sent: {Reason}; it is tried again", _id, e.Message);
                await Task.Delay(RetryDelay, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            await _replica.ReportSnapshotAsync(_id, succeeded).ConfigureAwait(false);
        });
    }

    private async Task SendSnapshotAsync(Message message)
    {
        var channel = _channelOf(_id) ?? throw new IOException("its address is not known");
        // The newest may be newer than the one that the core named; then it is sent under its own name.
        var (metadata, content) = _replica.OpenSnapshot();
        await using (content.ConfigureAwait(false))
        {
            _logger.LogInformation("log: raft member {Id:x} gets the snapshot of entry {Index}", _id, metadata.Index);
            using var call = new Raft.RaftClient(channel).SendSnapshot(cancellationToken: _closing.Token);
            await WriteAsync(call, new SnapshotPart { Message = WireMessage.ToWire(message with { Snapshot = metadata }) }).ConfigureAwait(false);
            var buffer = new byte[SnapshotPartBytes];
            while (true)
            {
                var read = await content.ReadAsync(buffer, _closing.Token).ConfigureAwait(false);
                if (read == 0)
                    break;
                await WriteAsync(call, new SnapshotPart { Content = ByteString.CopyFrom(buffer, 0, read) }).ConfigureAwait(false);
            }
            await WriteAsync(call, new SnapshotPart { Last = true }).ConfigureAwait(false);
            await call.RequestStream.CompleteAsync().ConfigureAwait(false);
            await call.ResponseAsync.WaitAsync(SnapshotPartTimeout, _time, _closing.Token).ConfigureAwait(false);
        }
    }

    private Task WriteAsync(AsyncClientStreamingCall<SnapshotPart, RaftReply> call, SnapshotPart part) =>
        call.RequestStream.WriteAsync(part, _closing.Token).WaitAsync(SnapshotPartTimeout, _time, _closing.Token);

    private void NoteDown(Exception fault)
    {
        _replica.ReportUnreachable(_id);
        if (!_isDown)
            _logger.LogWarning("log: raft member {Id:x} cannot be reached: {Reason}", _id, ReasonOf(fault));
        _isDown = true;
    }

    private void NoteUp()
    {
        if (_isDown)
            _logger.LogInformation("log: raft member {Id:x} can be reached again", _id);
        _isDown = false;
    }

    private static string ReasonOf(Exception fault) => fault switch
    {
        RpcException rpc => rpc.Status.DebugException?.GetBaseException().Message ?? rpc.Status.Detail,
        TimeoutException => "it does not take in what is sent",
        _ => fault.Message,
    };
}
