using System.Globalization;
using Skep.Dispatch.Outgoing;
using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>Chains the messages of one assignments stream: a node that misses one opens a new session.</summary>
internal sealed class AssignmentSequence
{
    private long _sent;

    public OutgoingAssignments Next(AssignmentsMessage.Types.Type type, IReadOnlyCollection<OutgoingChange> changes)
    {
        var message = new OutgoingAssignments { Type = type, AppliesTo = Name(_sent), ResultsIn = Name(_sent + 1) };
        message.Changes.AddRange(changes);
        _sent++;
        return message;
    }

    private static string Name(long number) => number == 0 ? "" : number.ToString(CultureInfo.InvariantCulture);
}
