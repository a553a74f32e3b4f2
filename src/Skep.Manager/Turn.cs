using Skep.State;

namespace Skep.Manager;

/// <summary>One turn of the loop as the rules see it: the working state, the time, and a way to change the state.</summary>
public sealed class Turn
{
    private readonly Action<Change> _onChange;
    private readonly List<Change> _changes = [];
    private readonly Batch _batch;

    internal Turn(ClusterState state, DateTimeOffset now, IdSource ids, Action<Change> onChange)
    {
        State = state;
        _batch = new Batch { Format = state.SharedFormat };
        // Time never goes backwards in the log, whatever the clock of a new leader says.
        Now = now > state.Time ? now : state.Time;
        Ids = ids;
        _onChange = onChange;
    }

    /// <summary>The leader's working state: all that was decided, committed or not yet.</summary>
    public ClusterState State { get; }

    public DateTimeOffset Now { get; }

    public IdSource Ids { get; }

    /// <summary>Of the batch: what every manager of the group understands.</summary>
    public uint Format => _batch.Format;

    /// <summary>Changes that the rules may still make in this turn. A rule with more to do stops at 0 and goes on in the next turn.</summary>
    public int Budget { get; internal set; }

    /// <summary>Bytes, encoded, that may still be emitted: a batch is one entry of the log, which takes no more than 16 MiB.</summary>
    public long Room { get; internal set; }

    public bool Exhausted => IsExhausted(forSmall: false);

    /// <summary>Changes that are left for <see cref="SmallServices"/> when the budget is used up, so that they need not wait until a burst of others is through.</summary>
    internal int Reserve { get; init; }

    /// <summary>Whether nothing is left; what is done for small services may use the reserve, too.</summary>
    internal bool IsExhausted(bool forSmall) => Room <= 0 || BudgetOf(forSmall) <= 0;

    internal int BudgetOf(bool small) => small ? Budget + Reserve : Budget;

    internal int MutationCount => _batch.Mutations.Count;

    internal Batch? Batch => _batch.Mutations.Count > 0 ? _batch : null;

    /// <summary>What the batch did.</summary>
    internal BatchChanges Made => new(State.Version, Now, _changes);

    /// <summary>Applies a mutation to the working state at once and puts it into the batch. The message belongs to the state afterwards.</summary>
    public void Emit(Mutation mutation)
    {
        if (_batch.Mutations.Count == 0)
        {
            State.Begin(Now);
            _batch.Time = SwarmTime.ToLog(Now);
        }
        _batch.Mutations.Add(mutation);
        Room -= mutation.CalculateSize();
        var before = _changes.Count;
        State.Apply(mutation, _changes);
        Budget -= _changes.Count - before;
        for (var i = before; i < _changes.Count; i++)
            _onChange(_changes[i]);
    }
}
