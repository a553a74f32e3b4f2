using System.Buffers.Binary;

namespace Skep.Log;

/// <summary>Read barriers: asked of the leader, then known by their index, then done once that is applied.</summary>
internal sealed class PendingReads
{
    private readonly Dictionary<ulong, (long Tick, TaskCompletionSource<ulong> Completion)> _asked = [];
    private readonly PriorityQueue<TaskCompletionSource<ulong>, ulong> _known = new();
    private ulong _lastId;

    /// <summary>Notes a read and gives the context to ask the core with.</summary>
    public byte[] Add(long tick, TaskCompletionSource<ulong> completion)
    {
        _asked[++_lastId] = (tick, completion);
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
    public void Expire(long tick, Func<Exception> reason)
    {
        if (_asked.Count == 0)
            return;
        foreach (var (id, read) in _asked.Where(r => r.Value.Tick <= tick).ToList())
        {
            _asked.Remove(id);
            read.Completion.TrySetException(reason());
        }
    }

    public void FailAll(Func<Exception> reason)
    {
        Expire(long.MaxValue, reason);
        while (_known.TryDequeue(out var completion, out _))
            completion.TrySetException(reason());
    }
}
