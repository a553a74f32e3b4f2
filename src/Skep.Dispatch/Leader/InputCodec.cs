using Google.Protobuf;
using Google.Protobuf.Reflection;
using Skep.Manager;

namespace Skep.Dispatch.Leader;

/// <summary>Inputs and answers as they travel between managers.</summary>
internal static class InputCodec
{
    private static readonly Dictionary<string, MessageDescriptor> ControlMessages =
        Wire.ControlReflection.Descriptor.MessageTypes.ToDictionary(message => message.Name, StringComparer.Ordinal);

    public static ForwardedInput Encode(Input input) => input switch
    {
        ControlCall call => new ForwardedInput { ControlCall = Encode(call.Request) },
        AddManager add => new ForwardedInput { AddManager = add.Manager },
        ManagerReport report => new ForwardedInput { ManagerReport = new ForwardedManagerReport { Id = report.Id, NodeId = report.NodeId, Address = report.Address, Run = report.Run, Format = report.Format } },
        ManagerCertified certified => new ForwardedInput { ManagerCertified = new ForwardedManagerCertified { Id = certified.Id, TlsInfo = certified.TlsInfo } },
        RemoveManager remove => new ForwardedInput { RemoveManager = remove.Id },
        CertificateIssued issued => new ForwardedInput
        {
            CertificateIssued = new ForwardedCertificate { NodeId = issued.NodeId, Certificate = issued.Certificate, Availability = issued.Availability },
        },
        HostWithoutEngine host => new ForwardedInput { HostWithoutEngine = new ForwardedHost { NodeId = host.NodeId, Hostname = host.Hostname, Address = host.Address } },
        NodeArrived arrived => new ForwardedInput
        {
            NodeArrived = new ForwardedArrival
            {
                NodeId = arrived.NodeId,
                Description = arrived.Description,
                Address = arrived.Address,
                Run = arrived.Run,
                SessionId = arrived.SessionId,
            },
        },
        NodeHeld held => new ForwardedInput { NodeHeld = new ForwardedHolding { NodeId = held.NodeId, SessionId = held.SessionId } },
        NodeLost lost => new ForwardedInput { NodeLost = new ForwardedLoss { NodeId = lost.NodeId, SessionId = lost.SessionId, Message = lost.Message } },
        TaskStatusReport report => new ForwardedInput { TaskStatuses = new ForwardedReports { Nodes = { Encode(report) } } },
        TaskStatusReports reports => new ForwardedInput { TaskStatuses = new ForwardedReports { Nodes = { reports.Reports.Select(Encode) } } },
        AttachNetwork attach => new ForwardedInput { AttachNetwork = new ForwardedAttach { NodeId = attach.NodeId, Config = attach.Config, ContainerId = attach.ContainerId } },
        DetachNetwork detach => new ForwardedInput { DetachNetwork = new ForwardedDetach { NodeId = detach.NodeId, AttachmentId = detach.AttachmentId } },
        _ => throw new ArgumentException($"{input.GetType().Name} is the leader's own and cannot be forwarded", nameof(input)),
    };

    /// <exception cref="ControlException">Unimplemented: a newer manager's.</exception>
    public static Input Decode(ForwardedInput input) => input.InputCase switch
    {
        ForwardedInput.InputOneofCase.ControlCall => new ControlCall(Decode(input.ControlCall)),
        ForwardedInput.InputOneofCase.AddManager => new AddManager(input.AddManager),
        ForwardedInput.InputOneofCase.ManagerReport => new ManagerReport(input.ManagerReport.Id, input.ManagerReport.NodeId, input.ManagerReport.Address, input.ManagerReport.Run, input.ManagerReport.Format),
        ForwardedInput.InputOneofCase.ManagerCertified => new ManagerCertified(input.ManagerCertified.Id, input.ManagerCertified.TlsInfo),
        ForwardedInput.InputOneofCase.RemoveManager => new RemoveManager(input.RemoveManager),
        ForwardedInput.InputOneofCase.CertificateIssued => new CertificateIssued(input.CertificateIssued.NodeId, input.CertificateIssued.Certificate, input.CertificateIssued.Availability),
        ForwardedInput.InputOneofCase.HostWithoutEngine => new HostWithoutEngine(input.HostWithoutEngine.NodeId, input.HostWithoutEngine.Hostname, input.HostWithoutEngine.Address),
        ForwardedInput.InputOneofCase.NodeArrived => new NodeArrived(input.NodeArrived.NodeId, input.NodeArrived.Description, input.NodeArrived.Address, input.NodeArrived.Run, input.NodeArrived.SessionId),
        ForwardedInput.InputOneofCase.NodeHeld => new NodeHeld(input.NodeHeld.NodeId, input.NodeHeld.SessionId),
        ForwardedInput.InputOneofCase.NodeLost => new NodeLost(input.NodeLost.NodeId, input.NodeLost.SessionId, input.NodeLost.Message),
        ForwardedInput.InputOneofCase.TaskStatuses => new TaskStatusReports([.. input.TaskStatuses.Nodes.Select(Decode)]),
        ForwardedInput.InputOneofCase.AttachNetwork => new AttachNetwork(input.AttachNetwork.NodeId, input.AttachNetwork.Config, input.AttachNetwork.ContainerId),
        ForwardedInput.InputOneofCase.DetachNetwork => new DetachNetwork(input.DetachNetwork.NodeId, input.DetachNetwork.AttachmentId),
        _ => throw new ControlException(ControlError.Unimplemented, "the leader does not know this request of a newer manager: upgrade the managers one after the other"),
    };

    public static ForwardedAnswer Encode(Exception fault) => fault switch
    {
        InputNotTakenException => new ForwardedAnswer { NotTaken = true },
        ControlException refusal => new ForwardedAnswer { Refusal = new ForwardedRefusal { Error = refusal.Error.ToString(), Message = refusal.Message } },
        _ => new ForwardedAnswer { Refusal = new ForwardedRefusal { Error = nameof(ControlError.Internal), Message = fault.Message } },
    };

    public static ForwardedAnswer EncodeValue(object? value) => value switch
    {
        IMessage message => new ForwardedAnswer { Message = Encode(message) },
        string text => new ForwardedAnswer { Text = text },
        _ => new ForwardedAnswer(),
    };

    /// <exception cref="InputNotTakenException">It was certainly not done.</exception>
    /// <exception cref="ControlException">It was refused.</exception>
    public static object Decode(ForwardedAnswer answer) => answer.AnswerCase switch
    {
        ForwardedAnswer.AnswerOneofCase.Message => Decode(answer.Message),
        ForwardedAnswer.AnswerOneofCase.Text => answer.Text,
        ForwardedAnswer.AnswerOneofCase.NotTaken => throw new InputNotTakenException(),
        ForwardedAnswer.AnswerOneofCase.Refusal => throw new ControlException(
            Enum.TryParse<ControlError>(answer.Refusal.Error, out var error) ? error : ControlError.Internal, answer.Refusal.Message),
        _ => default(None),
    };

    private static ForwardedStatuses Encode(TaskStatusReport report) => new()
    {
        NodeId = report.NodeId,
        Statuses = { report.Statuses.Select(s => new ForwardedStatus { TaskId = s.Key, Status = s.Value }) },
    };

    private static TaskStatusReport Decode(ForwardedStatuses node) => new(node.NodeId, [.. node.Statuses.Select(s => KeyValuePair.Create(s.TaskId, s.Status))]);

    private static ForwardedMessage Encode(IMessage message) => new() { Type = message.Descriptor.Name, Content = message.ToByteString() };

    private static IMessage Decode(ForwardedMessage message) => ControlMessages.TryGetValue(message.Type, out var type)
        ? type.Parser.ParseFrom(message.Content)
        : throw new ControlException(ControlError.Unimplemented, $"{message.Type} is not known to this manager: upgrade the managers one after the other");
}
