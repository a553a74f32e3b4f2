using System.Collections.Concurrent;

namespace Skep.Rpc;

/// <summary>
/// A thread that some work has for itself, one step after the other: in the thread pool each step would wait behind the calls of thousands of engines, or
/// they behind it.
/// </summary>
public sealed class OwnThread : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _ready = [];

    /// <param name="name">As ps and top show it; up to 15 characters.</param>
    public OwnThread(string name) => new Thread(Run) { IsBackground = true, Name = name }.Start();

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>What is queued is still run; then the thread ends.</summary>
    public void Dispose() => _ready.CompleteAdding();

    protected override void QueueTask(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        try
        {
            _ready.Add(task);
        }
        catch (InvalidOperationException)
        {
            // The thread has ended: whatever goes on does so elsewhere.
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
