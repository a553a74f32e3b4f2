using Google.Protobuf;
using Grpc.Core;
using Skep.Dispatch.Outgoing;

namespace Skep.Dispatch;

/// <summary>
/// SwarmKit's Dispatcher service as a base class of our own: what the generated one would be if assignments were
/// <see cref="OutgoingAssignments"/>, whose shared parts are spliced in as bytes.
/// </summary>
public abstract class DispatcherBase
{
    private const string ServiceName = "docker.swarmkit.v1.Dispatcher";

    private static readonly Method<Wire.SessionRequest, Wire.SessionMessage> SessionMethod =
        Define(MethodType.ServerStreaming, "Session", Wire.SessionRequest.Parser, Wire.SessionMessage.Parser);

    private static readonly Method<Wire.HeartbeatRequest, Wire.HeartbeatResponse> HeartbeatMethod =
        Define(MethodType.Unary, "Heartbeat", Wire.HeartbeatRequest.Parser, Wire.HeartbeatResponse.Parser);

    private static readonly Method<Wire.UpdateTaskStatusRequest, Wire.UpdateTaskStatusResponse> UpdateTaskStatusMethod =
        Define(MethodType.Unary, "UpdateTaskStatus", Wire.UpdateTaskStatusRequest.Parser, Wire.UpdateTaskStatusResponse.Parser);

    private static readonly Method<Wire.UpdateVolumeStatusRequest, Wire.UpdateVolumeStatusResponse> UpdateVolumeStatusMethod =
        Define(MethodType.Unary, "UpdateVolumeStatus", Wire.UpdateVolumeStatusRequest.Parser, Wire.UpdateVolumeStatusResponse.Parser);

    private static readonly Method<Wire.AssignmentsRequest, OutgoingAssignments> AssignmentsMethod =
        Define(MethodType.ServerStreaming, "Assignments", Wire.AssignmentsRequest.Parser, OutgoingAssignments.Parser);

    public abstract Task Session(Wire.SessionRequest request, IServerStreamWriter<Wire.SessionMessage> stream, ServerCallContext context);

    public abstract Task<Wire.HeartbeatResponse> Heartbeat(Wire.HeartbeatRequest request, ServerCallContext context);

    public abstract Task<Wire.UpdateTaskStatusResponse> UpdateTaskStatus(Wire.UpdateTaskStatusRequest request, ServerCallContext context);

    public abstract Task<Wire.UpdateVolumeStatusResponse> UpdateVolumeStatus(Wire.UpdateVolumeStatusRequest request, ServerCallContext context);

    public abstract Task Assignments(Wire.AssignmentsRequest request, IServerStreamWriter<OutgoingAssignments> stream, ServerCallContext context);

    /// <summary>Adds the service's methods to a server.</summary>
    public static void BindService(ServiceBinderBase binder, DispatcherBase service)
    {
        ArgumentNullException.ThrowIfNull(binder);
        ArgumentNullException.ThrowIfNull(service);
        binder.AddMethod(SessionMethod, new ServerStreamingServerMethod<Wire.SessionRequest, Wire.SessionMessage>(service.Session));
        binder.AddMethod(HeartbeatMethod, new UnaryServerMethod<Wire.HeartbeatRequest, Wire.HeartbeatResponse>(service.Heartbeat));
        binder.AddMethod(UpdateTaskStatusMethod, new UnaryServerMethod<Wire.UpdateTaskStatusRequest, Wire.UpdateTaskStatusResponse>(service.UpdateTaskStatus));
        binder.AddMethod(UpdateVolumeStatusMethod, new UnaryServerMethod<Wire.UpdateVolumeStatusRequest, Wire.UpdateVolumeStatusResponse>(service.UpdateVolumeStatus));
        binder.AddMethod(AssignmentsMethod, new ServerStreamingServerMethod<Wire.AssignmentsRequest, OutgoingAssignments>(service.Assignments));
    }

    private static Method<TRequest, TResponse> Define<TRequest, TResponse>(MethodType type, string name, MessageParser<TRequest> request, MessageParser<TResponse> response)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(type, ServiceName, name, MarshallerOf(request), MarshallerOf(response));

    private static Marshaller<T> MarshallerOf<T>(MessageParser<T> parser)
        where T : class, IMessage<T> =>
        Marshallers.Create(
            (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
