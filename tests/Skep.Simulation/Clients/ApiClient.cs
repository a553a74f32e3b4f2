using System.Globalization;
using Skep.Manager;
using Skep.Simulation.Engine;
using Skep.Simulation.Linearizability;
using Skep.Simulation.Managers;

namespace Skep.Simulation.Clients;

/// <summary>
/// Somebody with a docker command: creates, changes, removes and reads a few services through any manager, and notes what was
/// answered. Services carry in labels what the history knows them by.
/// </summary>
internal sealed class ApiClient(World world, int number, History history)
{
    private const int FirstNumber = 200;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private readonly Random _random = world.NewRandom($"client {number}");
    private readonly Dictionary<string, Known?> _known = [];

    /// <summary>Values are written once in a run, whoever writes.</summary>
    private int _next;

    /// <summary>Whether it asks for anything at the moment.</summary>
    public bool IsIdle { get; private set; } = true;

    public async Task RunAsync()
    {
        while (true)
        {
            await world.Loop.Delay(TimeSpan.FromSeconds(4) * _random.NextDouble());
            if (world.ClientsRest || world.Managers[_random.Next(world.Managers.Count)] is not { Process: { } process } host)
                continue;
            IsIdle = false;
            var connection = world.Connect(FirstNumber + number, host, process);
            await CallAsync(connection, process, $"s{_random.Next(world.Options.Services)}");
            connection.Break();
            IsIdle = true;
        }
    }

    private async Task CallAsync(Connection connection, ManagerProcess process, string key)
    {
        var known = _known.GetValueOrDefault(key);
        var dice = _random.Next(10);
        if (dice < 3 || (known is null && dice < 5))
            await ReadAsync(connection, process, key);
        else if (known is null)
            await WriteAsync(connection, process, Make(OperationKind.Create, key, null), null);
        else if (dice < 9)
            await WriteAsync(connection, process, Make(OperationKind.Update, key, known), known);
        else
            await WriteAsync(connection, process, Make(OperationKind.Remove, key, known), known);
    }

    private Operation Make(OperationKind kind, string key, Known? known) => new()
    {
        Kind = kind,
        Key = key,
        Client = $"c{number}",
        Expected = known?.Value,
        Value = kind is OperationKind.Create or OperationKind.Update ? (++_next * 100) + number + 1 : 0,
    };

    private async Task ReadAsync(Connection connection, ManagerProcess process, string key)
    {
        var operation = Make(OperationKind.Read, key, null);
        history.Called(operation);
        try
        {
            var service = await connection.CallAsync(async _ =>
            {
                await world.BarrierAsync(process);
                return process.Store.Read(state => state.ServiceByName(key));
            }, Timeout);
            _known[key] = service is null ? null : new Known(service);
            operation.Seen = _known[key]?.Value;
            operation.Outcome = Outcome.Done;
            Returned(operation);
        }
        catch (Exception e) when (e is ConnectionLostException or Skep.Log.NotLeaderException or ControlException)
        {
            // Nothing was learnt.
        }
    }

    private async Task WriteAsync(Connection connection, ManagerProcess process, Operation operation, Known? known)
    {
        history.Called(operation);
        try
        {
            var request = Request(operation, known);
            await connection.CallAsync(_ => process.Service.SubmitAsync(new ControlCall(request), CancellationToken.None), Timeout);
            operation.Outcome = Outcome.Done;
            Returned(operation);
        }
        catch (ControlException e) when (e.Error is ControlError.AlreadyExists or ControlError.OutOfSequence)
        {
            operation.Outcome = Outcome.Refused;
            Returned(operation);
        }
        catch (ControlException e) when (e.Error is ControlError.NotFound)
        {
            operation.Outcome = Outcome.NotFound;
            Returned(operation);
        }
        catch (Exception e) when (e is ConnectionLostException or ControlException { Error: ControlError.Unavailable })
        {
            world.Trace.Note($"{operation}: {e.Message}");
        }
        _known.Remove(operation.Key);
    }

    private void Returned(Operation operation)
    {
        history.Returned(operation);
        world.Trace.Note(operation.ToString());
    }

    private Google.Protobuf.IMessage Request(Operation operation, Known? known) => operation.Kind switch
    {
        OperationKind.Create => new Wire.CreateServiceRequest { Spec = ServiceSpecs.New(operation.Key, operation.Value, world.NetworkId, _random) },
        OperationKind.Update => new Wire.UpdateServiceRequest { ServiceId = known!.Id, ServiceVersion = known.Version, Spec = ServiceSpecs.Changed(known.Spec, operation.Value, _random) },
        _ => new Wire.RemoveServiceRequest { ServiceId = known!.Id },
    };

    private sealed class Known(Wire.Service service)
    {
        public string Id => service.Id;

        public Wire.Version Version => service.Meta.Version;

        public Wire.ServiceSpec Spec => service.Spec;

        public ServiceValue Value { get; } = new(
            int.Parse(service.Spec.Annotations.Labels[ServiceSpecs.Born], CultureInfo.InvariantCulture),
            int.Parse(service.Spec.Annotations.Labels[ServiceSpecs.Value], CultureInfo.InvariantCulture));
    }
}
