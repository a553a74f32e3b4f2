using Skep.Rpc;
using Skep.State;
using Xunit;

namespace Skep.UnitTests.Rpc;

public sealed class OwnThreadTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly OwnThread _loop = new("test");

    [Fact]
    public async Task What_is_queued_runs_in_order_on_one_thread_of_its_own()
    {
        var ran = new List<(int Number, Thread Thread)>();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => QueueAsync(() => ran.Add((i, Thread.CurrentThread))))).WaitAsync(Limit);
        Assert.Equal(Enumerable.Range(0, 100), ran.Select(one => one.Number));
        var thread = Assert.Single(ran.Select(one => one.Thread).Distinct());
        Assert.False(thread.IsThreadPoolThread);
        Assert.True(thread.IsBackground);
    }

    [Fact]
    public async Task What_awaits_goes_on_there()
    {
        var thread = await ThreadAsync();
        await Waiting.Start(async () =>
        {
            await Task.Delay(1);
            Assert.Same(thread, Thread.CurrentThread);
            // Ended by another thread.
            var elsewhere = new TaskCompletionSource();
            ThreadPool.UnsafeQueueUserWorkItem(_ => elsewhere.SetResult(), null);
            await elsewhere.Task;
            Assert.Same(thread, Thread.CurrentThread);
        }, _loop).WaitAsync(Limit);
    }

    [Fact]
    public async Task Whoever_waits_for_it_does_not_lend_it_his_thread()
    {
        var thread = await ThreadAsync();
        Thread? ranOn = null;
        new Task(() => ranOn = Thread.CurrentThread).RunSynchronously(_loop);
        Assert.Same(thread, ranOn);
    }

    [Fact]
    public async Task A_task_that_fails_does_not_end_it()
    {
        var thread = await ThreadAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => QueueAsync(() => throw new InvalidOperationException()).WaitAsync(Limit));
        Assert.Same(thread, await ThreadAsync());
    }

    [Fact]
    public async Task What_was_queued_before_its_end_is_still_run_and_then_the_thread_ends()
    {
        var thread = await ThreadAsync();
        using var gate = new ManualResetEventSlim();
        var busy = QueueAsync(gate.Wait);
        var queued = ThreadAsync();
        _loop.Dispose();
        Assert.False(queued.IsCompleted);
        gate.Set();
        await busy.WaitAsync(Limit);
        Assert.Same(thread, await queued);
        Assert.True(thread.Join(Limit));
    }

    [Fact]
    public async Task What_goes_on_after_its_end_does_so_elsewhere()
    {
        var awaited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread? wentOnAt = null;
        var goesOn = Waiting.Start(async () =>
        {
            await awaited.Task;
            wentOnAt = Thread.CurrentThread;
        }, _loop);
        // In order: by now the other one awaits.
        await ThreadAsync();
        _loop.Dispose();
        awaited.SetResult();
        await goesOn.WaitAsync(Limit);
        Assert.True(wentOnAt!.IsThreadPoolThread);
    }

    public void Dispose() => _loop.Dispose();

    private Task QueueAsync(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.None, _loop);

    /// <summary>Where it runs.</summary>
    private Task<Thread> ThreadAsync() => Task.Factory.StartNew(() => Thread.CurrentThread, CancellationToken.None, TaskCreationOptions.None, _loop).WaitAsync(Limit);
}
