namespace Skep.Manager;

/// <summary>An input and whoever waits for its answer.</summary>
internal sealed class WaitingInput(Input input)
{
    public Input Input { get; } = input;

    public TaskCompletionSource<object?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Give(Answer answer)
    {
        if (answer.Refusal is { } refusal)
            Done.TrySetException(refusal);
        else
            Done.TrySetResult(answer.Value);
    }
}
