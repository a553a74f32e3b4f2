using System.Diagnostics.CodeAnalysis;

namespace Skep.Manager;

/// <summary>Ids that a rule must look at, oldest first, each at most once.</summary>
public sealed class IdQueue
{
    private readonly Queue<string> _order = [];
    private readonly HashSet<string> _present = [];

    public int Count => _order.Count;

    public bool Contains(string id) => _present.Contains(id);

    /// <summary>Appends an id; nothing happens when it waits already.</summary>
    public void Add(string id)
    {
        if (_present.Add(id))
            _order.Enqueue(id);
    }

    public bool TryTake([MaybeNullWhen(false)] out string id)
    {
        if (!_order.TryDequeue(out id))
            return false;
        _present.Remove(id);
        return true;
    }

    public void Clear()
    {
        _order.Clear();
        _present.Clear();
    }
}
