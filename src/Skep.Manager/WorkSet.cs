using System.Diagnostics.CodeAnalysis;

namespace Skep.Manager;

/// <summary>Things to look at, each once, in the order in which they were noted.</summary>
internal sealed class WorkSet<T> where T : notnull
{
    /// <summary>Room that stays when the set is empty.</summary>
    private const int KeptCapacity = 1 << 14;

    private readonly HashSet<T> _members = [];
    private readonly Queue<T> _order = [];

    public int Count => _members.Count;

    public bool Contains(T item) => _members.Contains(item);

    public void Add(T item)
    {
        if (_members.Add(item))
            _order.Enqueue(item);
    }

    public bool TryTake([MaybeNullWhen(false)] out T item)
    {
        if (!_order.TryDequeue(out item))
            return false;
        _members.Remove(item);
        if (_order.Count == 0)
            GiveBackMemory();
        return true;
    }

    public void Clear()
    {
        _members.Clear();
        _order.Clear();
        GiveBackMemory();
    }

    // A burst of a million tasks is noted once, and dozens of bytes for each would stay for good.
    private void GiveBackMemory()
    {
        if (_members.Capacity <= KeptCapacity)
            return;
        _members.TrimExcess();
        _order.TrimExcess();
    }
}
