using Skep.State;

namespace Skep.Manager.Orchestration;

/// <summary>What is still to be done to give a replicated service the right number of slots.</summary>
internal sealed class ScalePlan
{
    private readonly Queue<string> _remove = [];
    private HashSet<ulong> _taken = [];
    private ulong _nextSlot = 1;
    private ulong _lastSlot;

    public bool IsDone => Left == 0;

    /// <summary>Slots to look at and tasks to remove.</summary>
    public ulong Left => (ulong)_remove.Count + (_nextSlot > _lastSlot ? 0 : _lastSlot - _nextSlot + 1);

    /// <summary>The plan makes a task in this slot, which is not taken.</summary>
    public bool Creates(ulong slot) => slot <= _lastSlot;

    /// <summary>New tasks in the lowest slots that are not taken.</summary>
    public void Create(IReadOnlyCollection<ulong> taken, ulong count)
    {
        if (count == 0)
            return;
        _taken = [.. taken];
        _lastSlot = count;
        foreach (var slot in taken.Order())
        {
            if (slot > _lastSlot)
                break;
            _lastSlot++;
        }
    }

    public void Remove(IEnumerable<TaskRecord> tasks)
    {
        foreach (var task in tasks)
        {
            if (task.DesiredState < Wire.TaskState.Remove)
                _remove.Enqueue(task.Id);
        }
    }

    /// <summary>Goes on with it as far as the budget allows. True: it is done.</summary>
    public bool CarryOut(TaskBatch batch, string serviceId)
    {
        // The service may have been removed since the plan was made; its tasks are then another rule's.
        if (!batch.State.Services.ContainsKey(serviceId))
            return true;
        var isSmall = Left <= SmallServices.MaxTasks;
        while (!batch.IsExhausted(isSmall) && _remove.TryDequeue(out var taskId))
        {
            if (batch.State.Tasks.Find(taskId) is { } task)
                batch.SetDesired(task, Wire.TaskState.Remove);
        }
        for (; !batch.IsExhausted(isSmall) && _nextSlot <= _lastSlot; _nextSlot++)
        {
            if (!_taken.Contains(_nextSlot))
                batch.Create(serviceId, new SlotKey(_nextSlot, ""), Wire.TaskState.Running);
        }
        return IsDone;
    }
}
