namespace Skep.Raft;

/// <summary>What waits for the next <see cref="Ready"/>, in the order it arose.</summary>
internal sealed class Outbox
{
    public List<Message> Messages { get; } = [];

    public List<ReadState> ReadStates { get; } = [];

    public bool IsEmpty => Messages.Count == 0 && ReadStates.Count == 0;

    public (Message[] Messages, ReadState[] ReadStates) TakeAll()
    {
        var all = (Messages.ToArray(), ReadStates.ToArray());
        Messages.Clear();
        ReadStates.Clear();
        return all;
    }
}
