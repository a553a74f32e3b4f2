using Skep.State;

namespace Skep.Manager;

/// <summary>
/// The brain of a leader, as a pure machine: inputs and the time go in, one batch of mutations and the answers come out.
/// Nothing here waits, reads a clock or touches a disk; <see cref="ManagerService"/> does that around it.
/// </summary>
public sealed class SwarmLoop
{
    /// <summary>
    /// Task changes of one turn: some 5 ms of work, ten times that on a machine whose processors all are wanted. An API call waits for several turns (one that is
    /// under way, its own, those before it on their way to the log). A turn of its own costs little: 10,000 are no faster, and let calls wait for a second.
    /// </summary>
    public const int DefaultBudget = 1_000;

    /// <summary>The budget's part that small services have beside it.</summary>
    private const int ReservePart = 10;

    /// <summary>Of a batch, encoded, what the rules of one turn may make. Together with the mutation that goes beyond, it fits into an entry of the log.</summary>
    public const long Room = 4 << 20;

    /// <summary>
    /// Of a batch, encoded, what the inputs of one turn may make, the last one beyond it: some 4,000 statuses. More pile up while all engines report, and whoever
    /// asked for something else waited for half a second behind 10,000 and more.
    /// </summary>
    public const long InputRoom = 512 << 10;

    private readonly ClusterState _state;
    private readonly IdSource _ids;
    private readonly IRule[] _rules;
    private readonly int _budget;

    /// <param name="state">The working state; the loop owns it from now on.</param>
    /// <param name="ids">Seeded randomness.</param>
    /// <param name="rules">In the order in which they run in a turn.</param>
    /// <param name="now">The time at which leadership begins.</param>
    /// <param name="budget">Task changes per turn.</param>
    public SwarmLoop(ClusterState state, IdSource ids, IReadOnlyList<IRule> rules, DateTimeOffset now, int budget = DefaultBudget)
    {
        _state = state;
        _ids = ids;
        _rules = [.. rules];
        _budget = budget;
        foreach (var rule in rules)
            rule.Rebuild(state, now > state.Time ? now : state.Time);
    }

    public ClusterState State => _state;

    /// <summary>Some rule could go on at once.</summary>
    public bool HasWork => _rules.Any(rule => rule.HasWork);

    /// <summary>When a rule becomes due by the clock.</summary>
    public DateTimeOffset? NextDue => _rules.Min(rule => rule.NextDue);

    /// <summary>Takes one turn.</summary>
    /// <param name="now">The time.</param>
    /// <param name="inputs">Taken one by one, as long as there is room; what is not taken stays where it comes from.</param>
    public TurnResult Take(DateTimeOffset now, IEnumerable<Input> inputs)
    {
        var turn = new Turn(_state, now, _ids, Note) { Room = InputRoom, Reserve = _budget / ReservePart };
        var answers = new List<Answer>();
        foreach (var input in inputs)
        {
            answers.Add(InputHandlers.Handle(turn, input));
            if (turn.Room <= 0)
                break;
        }
        // What the inputs changed is not the rules' doing: a flood of statuses must not leave them nothing.
        (turn.Budget, turn.Room) = (_budget, Room);
        foreach (var rule in _rules)
            rule.Run(turn);
        return new TurnResult(turn.Batch, turn.Made, answers);
    }

    private void Note(Change change)
    {
        foreach (var rule in _rules)
            rule.Note(change);
    }
}

/// <summary>What a turn came to.</summary>
/// <param name="Batch">To be committed; null when nothing changed.</param>
/// <param name="Made">What the batch did to the working state.</param>
/// <param name="Answers">One per input taken, in order, to be given when the batch (and all before it) is committed.</param>
public sealed record TurnResult(Batch? Batch, BatchChanges Made, IReadOnlyList<Answer> Answers);

/// <summary>The answer to one input: a value or a refusal.</summary>
public readonly record struct Answer(object? Value, ControlException? Refusal);
