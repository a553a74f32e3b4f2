using Google.Protobuf;
using Skep.Dispatch.Outgoing;
using Skep.Simulation.Engine;
using Skep.Simulation.Managers;
using Task = System.Threading.Tasks.Task;

namespace Skep.Simulation.Agents;

/// <summary>One session of an engine with a manager: four things at once on one connection, and the end of one is the end of all.</summary>
internal sealed class AgentSession(World world, SimulatedAgent agent, ManagerHost host, ManagerProcess process)
{
    /// <summary>Stock's time-out of calls to the dispatcher.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private readonly Connection _connection = world.Connect(agent.Number, host, process);
    private string _id = "";

    /// <summary>The manager took the node in.</summary>
    public bool WasOpen { get; private set; }

    public bool IsOpen => WasOpen && !_connection.IsBroken;

    public ManagerProcess Process => process;

    public void End() => _connection.Break();

    public async Task RunAsync()
    {
        try
        {
            var messages = _connection.Stream<Wire.SessionMessage>((stream, ended) =>
                process.Dispatcher.Session(new Wire.SessionRequest { Description = Description() }, stream, Call(ended)));
            var first = await world.Loop.Within(messages.NextAsync(), CallTimeout);
            if (_connection.IsBroken)
                return;
            _id = first.SessionId;
            WasOpen = true;
            world.Trace.Note($"{agent.NodeId} has session {_id} with {host.Name}");
            Heed(first);
            agent.Tasks.ReportAll();
            await Task.WhenAll(UntilEnd(() => FollowAsync(messages)), UntilEnd(BeatAsync), UntilEnd(TakeAssignmentsAsync), UntilEnd(ReportAsync));
        }
        catch (Exception e)
        {
            world.Trace.Note($"{agent.NodeId} gets no session with {host.Name}: {Reason(e)}");
        }
        finally
        {
            _connection.Break();
        }
    }

    private async Task UntilEnd(Func<Task> part)
    {
        try
        {
            await part();
        }
        catch (Exception e)
        {
            if (!_connection.IsBroken)
                world.Trace.Note($"{agent.NodeId} ends session {_id}: {Reason(e)}");
        }
        _connection.Break();
    }

    private async Task FollowAsync(IncomingStream<Wire.SessionMessage> messages)
    {
        while (!_connection.IsBroken)
            Heed(await messages.NextAsync());
    }

    private void Heed(Wire.SessionMessage message)
    {
        // The last number of 10.0.0.N is the manager's place, counted from 1.
        if (message.Managers.Count > 0)
            agent.KnownManagers = [.. message.Managers.Select(m => int.Parse(m.Peer.Addr.Split(':')[0].Split('.')[3], System.Globalization.CultureInfo.InvariantCulture) - 1)];
    }

    private async Task BeatAsync()
    {
        while (!_connection.IsBroken)
        {
            var answer = await _connection.CallAsync(ended => process.Dispatcher.Heartbeat(new Wire.HeartbeatRequest { SessionId = _id }, Call(ended)), CallTimeout);
            await world.Loop.Delay(answer.Period.ToTimeSpan());
        }
    }

    private async Task TakeAssignmentsAsync()
    {
        var messages = _connection.Stream<OutgoingAssignments>((stream, ended) =>
            process.Dispatcher.Assignments(new Wire.AssignmentsRequest { SessionId = _id }, stream, Call(ended)));
        var sequence = "";
        while (!_connection.IsBroken)
        {
            // By their bytes, as on the wire.
            var message = Wire.AssignmentsMessage.Parser.ParseFrom((await messages.NextAsync()).ToByteArray());
            if (_connection.IsBroken)
                return;
            if (message.Type == Wire.AssignmentsMessage.Types.Type.Incremental && message.AppliesTo != sequence)
                throw new ConnectionLostException($"a gap in the assignments: {message.AppliesTo} after {sequence}");
            sequence = message.ResultsIn;
            agent.Tasks.Take(message, host.Name);
        }
    }

    private async Task ReportAsync()
    {
        while (!_connection.IsBroken)
        {
            var (taskId, status) = await agent.Tasks.NextStatusAsync(_connection.ClientSide);
            try
            {
                var request = new Wire.UpdateTaskStatusRequest { SessionId = _id, Updates = { new Wire.UpdateTaskStatusRequest.Types.TaskStatusUpdate { TaskId = taskId, Status = status } } };
                await _connection.CallAsync(ended => process.Dispatcher.UpdateTaskStatus(request, Call(ended)), CallTimeout);
                world.Statuses.Answered(agent.NodeId, taskId, status.State, host.Name);
            }
            catch (Exception) when (!_connection.IsBroken)
            {
                agent.Tasks.GiveBack(taskId, status);
                throw;
            }
        }
    }

    private Wire.NodeDescription Description() => new()
    {
        Hostname = agent.NodeId,
        Platform = new Wire.Platform { Os = "linux", Architecture = "x86_64" },
        Resources = new Wire.Resources { NanoCpus = 4_000_000_000, MemoryBytes = 8L << 30 },
        Engine = new Wire.EngineDescription { EngineVersion = "28.0.0", Plugins = { new Wire.PluginDescription { Type = "Network", Name = "overlay" } } },
    };

    private NodeCall Call(CancellationToken ended) => new(agent.NodeId, agent.Address, ended);

    private static string Reason(Exception e) => e is Grpc.Core.RpcException rpc ? $"{rpc.StatusCode} {rpc.Status.Detail}" : e.Message;
}
