using System.Buffers.Binary;

namespace Skep.Log;

/// <summary>Read barriers: asked of the leader, then known by their index, then done once that is applied.</summary>
internal sealed class PendingReads
{
    private readonly Dictionary<ulong, (long Tick, ulong Leader, TaskCompletionSource<ulong> Completion)> _asked = [];
    private readonly PriorityQueue<TaskCompletionSource<ulong>, ulong> _known = new();
    private ulong _lastId;

    /// <summary>Notes a read and gives the context to ask the core with.</summary>
    /// <param name="tick">Now.</param>
    /// <param name="leader">Who is asked.</param>
    /// <param name="completion">Completes with the index that had to be applied.</param>
    public byte[] Add(long tick, ulong leader, TaskCompletionSource<ulong> completion)
    {
        _asked[++_lastId] = (tick, leader, completion);
        var context = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(context, _lastId);
        return context;
    }

    public void Refuse(ReadOnlyMemory<byte> context, Exception reason)
    {
        if (_asked.Remove(BinaryPrimitives.ReadUInt64LittleEndian(context.Span), out var read))
            read.Completion.TrySetException(reason);
    }

    public void Known(ReadOnlyMemory<byte> context, ulong index)
    {
        if (_asked.Remove(BinaryPrimitives.ReadUInt64LittleEndian(context.Span), out var read))
            _known.Enqueue(read.Completion, index);
    }

    public void Applied(ulong index)
    {
        while (_known.TryPeek(out var completion, out var wanted) && wanted <= index)
        {
            _known.Dequeue();
            completion.TrySetResult(wanted);
        }
    }

    /// <summary>Gives up reads asked at or before a tick: the question or the answer was lost.</summary>
    public void Expire(long tick, Func<Exception> reason) => GiveUp(asked => asked.Tick <= tick, reason);

    /// <summary>Gives up reads asked of anybody else than who leads now: a leader that is none any more does not answer, so waiting would be in vain.</summary>
    public void LeaderIs(ulong leader, Func<Exception> reason) => GiveUp(asked => asked.Leader != leader, reason);

    public void FailAll(Func<Exception> reason)
    {
        GiveUp(_ => true, reason);
        while (_known.TryDequeue(out var completion, out _))
            completion.TrySetException(reason());
    }

    private void GiveUp(Func<(long Tick, ulong Leader, TaskCompletionSource<ulong> Completion), bool> which, Func<Exception> reason)
    {
        if (_asked.Count == 0)
            return;
        foreach (var (id, read) in _asked.Where(asked => which(asked.Value)).ToList())
        {
            _asked.Remove(id);
            read.Completion.TrySetException(reason());
        }
    }
}
