using System.Diagnostics.CodeAnalysis;

namespace Skep.Simulation.Engine;

/// <summary>
/// Virtual time and the one thread of a run. As a task scheduler it runs the real asynchronous code, continuation by continuation, in the
/// order in which it became ready; when nothing is ready, time jumps to the next event. What happens is therefore decided by the seed alone.
/// </summary>
/// <remarks>
/// Everything runs inside one task of this scheduler, so that every await comes back to it. Code that leaves it (Task.Run,
/// ConfigureAwait(false)) shows when it returns from another thread, and fails the run.
/// </remarks>
internal sealed class EventLoop : TaskScheduler
{
    /// <summary>More without time going on is a loop that never ends.</summary>
    private const int MaxStepsAtOnce = 1_000_000;

    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Queue<Task> _ready = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _order;
    private long _steppedAt;
    private int _stepsNow;
    private string _circle = "";
    private Task? _root; // all of a run happens inside it

    /// <summary>Virtual time since the beginning, in 100 ns.</summary>
    public long Ticks { get; private set; }

    public TimeSpan Now => TimeSpan.FromTicks(Ticks);

    /// <summary>Events and continuations run so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Set by whoever finds that something went wrong; ends the run.</summary>
    public Violation? Failure { get; private set; }

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Ends the run with a violated invariant; the first one counts.</summary>
    public void Fail(string invariant, string message) => Failure ??= new Violation(invariant, message, Now);

    /// <summary>Does something later.</summary>
    public void After(TimeSpan delay, Action action) => After(delay.Ticks, action);

    public void After(long ticks, Action action)
    {
        RequireOwnThread();
        _events.Enqueue(action, (Ticks + Math.Max(0, ticks), _order++));
    }

    public Task Delay(TimeSpan delay)
    {
        var done = new TaskCompletionSource();
        After(delay, done.SetResult);
        return done.Task;
    }

    /// <summary>The result, or a failure if it does not come in time.</summary>
    public async Task<T> Within<T>(Task<T> task, TimeSpan timeout)
    {
        var late = Delay(timeout);
        return await Task.WhenAny(task, late) == task ? await task : throw new ConnectionLostException("no answer in time");
    }

    /// <summary>Starts something asynchronous; what it throws ends the run.</summary>
    public void Start(Func<Task> action)
    {
        Task.Factory.StartNew(async () =>
        {
            try
            {
                await action();
            }
            catch (Exception e)
            {
                Fail("no exceptions", e.ToString());
            }
        }, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);
    }

    /// <summary>Lets time pass until an end, a failure, or a condition that is looked at after each event.</summary>
    /// <returns>Whether the condition was reached.</returns>
    public bool Run(TimeSpan duration, Func<bool>? until = null)
    {
        var reached = false;
        var end = Ticks + duration.Ticks;
        _root = new Task(() => reached = RunTo(end, until));
        _root.Start(this);
        TryExecuteTask(_root);
        _root.GetAwaiter().GetResult();
        return reached;
    }

    protected override void QueueTask(Task task)
    {
        RequireOwnThread();
        if (_stepsNow == MaxStepsAtOnce)
            _circle = Environment.StackTrace;
        if (task != _root)
            _ready.Enqueue(task);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => _ready;

    private bool RunTo(long end, Func<bool>? until)
    {
        while (Failure is null)
        {
            while (_ready.TryDequeue(out var task) && Failure is null)
            {
                CountStep();
                TryExecuteTask(task);
            }
            if (Failure is not null)
                break;
            if (until is not null && until())
                return true;
            if (!TryNext(end, out var next))
            {
                Ticks = end;
                return false;
            }
            CountStep();
            try
            {
                next();
            }
            catch (Exception e)
            {
                Fail("no exceptions", e.ToString());
            }
        }
        return false;
    }

    private void CountStep()
    {
        Steps++;
        if (Ticks != _steppedAt)
            (_steppedAt, _stepsNow) = (Ticks, 0);
        if (++_stepsNow > MaxStepsAtOnce)
            Fail("time goes on", $"{MaxStepsAtOnce} steps at one moment: something goes round in a circle, here: {_circle}");
    }

    private bool TryNext(long end, [MaybeNullWhen(false)] out Action next)
    {
        if (!_events.TryPeek(out next, out var priority) || priority.At > end)
            return false;
        _events.Dequeue();
        Ticks = priority.At;
        return true;
    }

    private void RequireOwnThread()
    {
        if (Environment.CurrentManagedThreadId == _thread)
            return;
        Fail("one thread", $"code left the simulation's scheduler (Task.Run or ConfigureAwait(false)?): {Environment.StackTrace}");
        throw new InvalidOperationException(Failure!.ToString());
    }
}

/// <summary>What was found to be wrong, and when.</summary>
internal sealed record Violation(string Invariant, string Message, TimeSpan At);
