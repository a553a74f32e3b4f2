using System.Collections.Concurrent;

namespace Skep.Daemon.Swarm;

/// <summary>
/// A thread that the leader's loop has for itself. In the thread pool each of its steps would wait behind the calls of thousands of engines, and the more they
/// have to tell, the less of it would be taken in.
/// </summary>
internal sealed class LoopThread : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _ready = [];

    public LoopThread() => new Thread(Run) { IsBackground = true, Name = "skep-loop" }.Start();

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>What is queued is still run; then the thread ends.</summary>
    public void Dispose() => _ready.CompleteAdding();

    protected override void QueueTask(Task task)
    {
        try
        {
            _ready.Add(task);
        }
        catch (InvalidOperationException)
        {
            // The manager has ended: whatever goes on does so elsewhere.
            ThreadPool.UnsafeQueueUserWorkItem(_ => TryExecuteTask(task), null);
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [.. _ready];

    private void Run()
    {
        foreach (var task in _ready.GetConsumingEnumerable())
            TryExecuteTask(task);
    }
}
