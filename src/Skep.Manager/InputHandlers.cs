using Skep.Manager.Control;
using Skep.Manager.Nodes;

namespace Skep.Manager;

/// <summary>Sends every input to the code that knows it.</summary>
internal static class InputHandlers
{
    public static Answer Handle(Turn turn, Input input)
    {
        var before = turn.MutationCount;
        try
        {
            return new Answer(HandleInput(turn, input), null);
        }
        catch (ControlException refusal)
        {
            return new Answer(null, refusal);
        }
        catch (Exception fault) when (turn.MutationCount == before)
        {
            // Nothing was changed yet, so one bad request is refused and the loop lives on; a fault in the middle of a change
            // is not caught: the working state is thrown away with the term.
            return new Answer(null, new ControlException(ControlError.Internal, $"{input.GetType().Name} failed: {fault.Message}"));
        }
    }

    private static object HandleInput(Turn turn, Input input)
    {
        switch (input)
        {
            case ControlCall call: return ControlApi.Handle(turn, call.Request);
            case InitCluster init: ClusterInputs.Init(turn, init); break;
            case AddManager add: ManagerInputs.Add(turn, add.Manager); break;
            case ManagerReport report: ManagerInputs.Report(turn, report); break;
            case ManagerReachability reachability: ManagerInputs.SetReachability(turn, reachability); break;
            case ManagerCaughtUp caughtUp: ManagerInputs.CaughtUp(turn, caughtUp.Id); break;
            case RemoveManager remove: ManagerInputs.Remove(turn, remove.Id); break;
            case ForceNewCluster force: ManagerInputs.ForceNewCluster(turn, force.Manager); break;
            case ManagerCertified certified: ManagerInputs.Certified(turn, certified); break;
            case CertificateIssued issued: NodeInputs.CertificateIssued(turn, issued); break;
            case LeadershipBegan began: NodeInputs.LeadershipBegan(turn, began); break;
            case HostWithoutEngine host: NodeInputs.HostWithoutEngine(turn, host); break;
            case NodeArrived arrived: NodeInputs.Arrived(turn, arrived); break;
            case NodeHeld held: NodeInputs.Held(turn, held); break;
            case NodeLost lost: NodeInputs.Lost(turn, lost); break;
            case TaskStatusReport report: TaskStatusInputs.Report(turn, report); break;
            case TaskStatusReports reports: TaskStatusInputs.Report(turn, reports); break;
            case AttachNetwork attach: return AttachmentInputs.Attach(turn, attach);
            case DetachNetwork detach: AttachmentInputs.Detach(turn, detach); break;
            default: throw new ControlException(ControlError.Unimplemented, $"unknown input {input.GetType().Name}");
        }
        return default(None);
    }
}
