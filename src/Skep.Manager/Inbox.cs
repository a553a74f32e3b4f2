using System.Diagnostics.CodeAnalysis;
using Skep.State;

namespace Skep.Manager;

/// <summary>What waits for a leader's loop: what goes first, and what engines and managers say, each in its order.</summary>
/// <remarks>A new leader has thousands of nodes' words waiting, and a burst its statuses; an API call behind them would wait for seconds.</remarks>
internal sealed class Inbox
{
    /// <summary>Inputs that may wait; more are refused, so that a flood cannot eat the memory.</summary>
    public const int MaxWaiting = 100_000;

    /// <summary>So many of the first for one of the others: a flood of API calls must not hold up all nodes either.</summary>
    private const int FirstForOneOther = 16;

    private readonly Lock _lock = new();
    private readonly Signal _news = new();
    private readonly Queue<WaitingInput> _first = new();
    private readonly Queue<WaitingInput> _others = new();
    private int _inARow;
    private volatile bool _isClosed;

    public bool IsClosed => _isClosed;

    public int Count
    {
        get
        {
            lock (_lock)
                return _first.Count + _others.Count;
        }
    }

    /// <summary>False: too many wait, or it is closed.</summary>
    public bool TryAdd(WaitingInput input)
    {
        lock (_lock)
        {
            if (_isClosed || _first.Count + _others.Count >= MaxWaiting)
                return false;
            (input.Input.GoesFirst ? _first : _others).Enqueue(input);
        }
        _news.Set();
        return true;
    }

    public bool TryTake([NotNullWhen(true)] out WaitingInput? input)
    {
        lock (_lock)
        {
            if ((_inARow < FirstForOneOther || _others.Count == 0) && _first.TryDequeue(out input))
            {
                _inARow++;
                return true;
            }
            _inARow = 0;
            return _others.TryDequeue(out input);
        }
    }

    /// <summary>Completes when something waits. For one waiter at a time.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        while (Count == 0)
            await _news.WaitAsync(cancellation);
    }

    /// <summary>Takes nothing more in; what waits can still be taken.</summary>
    public void Close()
    {
        lock (_lock)
            _isClosed = true;
    }
}
