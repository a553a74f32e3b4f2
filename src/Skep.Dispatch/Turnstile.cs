namespace Skep.Dispatch;

/// <summary>
/// Lets few work at a time, in the order in which they came. A change of the leader's may concern thousands of nodes at once: if all their messages were made
/// at the same time, heartbeats would wait behind them for seconds; and who waits here gathers more for one message. Who is in a hurry goes first.
/// </summary>
/// <param name="places">How many work at a time.</param>
internal sealed class Turnstile(int places)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Visitor> _waiting = [];
    private int _free = places;

    /// <summary>Waits for a place; whoever has one gives it back soon, and waits for nothing meanwhile.</summary>
    public Task EnterAsync(Visitor visitor)
    {
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                visitor.IsInHurry = false;
                return Task.CompletedTask;
            }
            visitor.Turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Enqueue(visitor);
            return visitor.Turn.Task;
        }
    }

    /// <summary>The visitor goes before those who are in no hurry, this time or, if he does not wait, the next.</summary>
    public void Hurry(Visitor visitor)
    {
        lock (_lock)
        {
            if (visitor.IsInHurry)
                return;
            visitor.IsInHurry = true;
            if (visitor.Place.List is null)
                return;
            _waiting.Remove(visitor.Place);
            Enqueue(visitor);
        }
    }

    public void Leave()
    {
        Visitor? next;
        lock (_lock)
        {
            next = _waiting.First?.Value;
            if (next is null)
            {
                _free++;
            }
            else
            {
                _waiting.RemoveFirst();
                next.IsInHurry = false;
            }
        }
        next?.Turn!.SetResult();
    }

    /// <summary>Among those in a hurry the last comes first: they are few.</summary>
    private void Enqueue(Visitor visitor)
    {
        if (visitor.IsInHurry)
            _waiting.AddFirst(visitor.Place);
        else
            _waiting.AddLast(visitor.Place);
    }

    /// <summary>One who comes again and again, and waits once at a time. What it holds is the turnstile's.</summary>
    public sealed class Visitor
    {
        public Visitor() => Place = new LinkedListNode<Visitor>(this);

        internal LinkedListNode<Visitor> Place { get; }

        internal TaskCompletionSource? Turn { get; set; }

        internal bool IsInHurry { get; set; }
    }
}
