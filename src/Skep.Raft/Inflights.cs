namespace Skep.Raft;

/// <summary>
/// The window of appends sent to one follower and not answered: bounds what is lost and sent again when it fails, and what
/// piles up before a slow one. An answer frees everything up to its index, so only each append's last index is kept.
/// </summary>
internal sealed class Inflights(int maxMessages, ulong maxBytes)
{
    private readonly Queue<(ulong LastIndex, ulong Bytes)> _sent = new();
    private ulong _bytes;

    public int Count => _sent.Count;

    /// <summary>The byte limit is passed by the message that fills it, never refused by one.</summary>
    public bool Full => _sent.Count >= maxMessages || _bytes >= maxBytes;

    public void Add(ulong lastIndex, ulong bytes)
    {
        _sent.Enqueue((lastIndex, bytes));
        _bytes += bytes;
    }

    public void FreeUpTo(ulong index)
    {
        while (_sent.TryPeek(out var oldest) && oldest.LastIndex <= index)
            _bytes -= _sent.Dequeue().Bytes;
    }

    public void Clear()
    {
        _sent.Clear();
        _bytes = 0;
    }
}
