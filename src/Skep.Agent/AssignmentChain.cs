namespace Skep.Agent;

/// <summary>Each assignments message says which one it follows; one that does not follow the last means that something is missing.</summary>
public sealed class AssignmentChain
{
    private string _last = "";

    /// <summary>False at a gap: the node needs a full set, from a new session.</summary>
    public bool Take(TaskAssignments message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (_last.Length > 0 && message.AppliesTo != _last)
            return false;
        _last = message.ResultsIn;
        return true;
    }
}
