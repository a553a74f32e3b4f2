using Grpc.Core;
using Skep.Agent.Rpc;

namespace Skep.Agent;

/// <summary>
/// One round of registration with a manager: the session's stream, heartbeats, assignments, log subscriptions and reports, on one connection. The first of
/// them that fails ends all.
/// </summary>
internal sealed class ManagerSession(ManagerConnection connection, Worker worker, ReportQueue reports, AgentSettings settings, HeartbeatClock clock, IAgentObserver observer, TimeProvider time)
{
    /// <summary>As engines: of a session's first message.</summary>
    private static readonly TimeSpan FirstMessageTimeout = TimeSpan.FromSeconds(5);

    private readonly UnaryCall<Wire.UpdateTaskStatusResponse> _report = new(Wire.UpdateTaskStatusResponse.Parser);
    private readonly List<TaskReport> _taken = [];
    private Exception? _reason;

    /// <summary>Runs until the session fails, and throws why. The connection is at its end then.</summary>
    /// <param name="previousId">Of the session before: a manager that knows it goes on with it. Empty at first.</param>
    /// <param name="onMessage">Is given each of the session's messages; the first one means that the node is registered.</param>
    public async Task RunAsync(string previousId, Action<Wire.SessionMessage> onMessage)
    {
        var session = new StreamingCall<Wire.SessionMessage>(Wire.SessionMessage.Parser);
        connection.Start(session, RpcMethod.Session, new Wire.SessionRequest { Description = settings.Description, SessionId = previousId });
        await FirstMessageAsync(session).ConfigureAwait(false);
        var id = session.Current.SessionId;
        worker.ReportAll();
        onMessage(session.Current);
        var heartbeats = new Heartbeats(connection, () => connection.HasUnread, id, clock, observer, time, End);
        heartbeats.Begin();
        await Task.WhenAll(
            DoAsync(ListenAsync(session, onMessage)),
            DoAsync(Task.Factory.StartNew(() => WatchAsync(id), CancellationToken.None, TaskCreationOptions.DenyChildAttach, settings.Assignments).Unwrap()),
            DoAsync(ReportAsync(id)),
            DoAsync(AnswerLogReadersAsync())).ConfigureAwait(false);
        heartbeats.End();
        throw _reason!;
    }

    /// <summary>The first failure is what the session ends with; all else fails with its connection.</summary>
    private void End(Exception reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, null) is not null)
            return;
        connection.Fail(reason as RpcException ?? new RpcException(new Status(StatusCode.Cancelled, reason.Message)));
        reports.Wake();
    }

    private async Task DoAsync(Task duty)
    {
        try
        {
            await duty.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Thrown on when all duties have ended.
            End(e);
        }
    }

    private async Task FirstMessageAsync(StreamingCall<Wire.SessionMessage> session)
    {
        try
        {
            if (!await session.MoveNextAsync().AsTask().WaitAsync(FirstMessageTimeout, time).ConfigureAwait(false))
                throw new EndOfStreamException("the session's stream ended before its first message");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException("session initiation timed out", e);
        }
    }

    private static async Task ListenAsync(StreamingCall<Wire.SessionMessage> session, Action<Wire.SessionMessage> onMessage)
    {
        while (await session.MoveNextAsync().ConfigureAwait(false))
            onMessage(session.Current);
        throw new EndOfStreamException("the session's stream ended");
    }

    /// <summary>Goes on on the scheduler on which it began.</summary>
    private async Task WatchAsync(string id)
    {
        var watch = new StreamingCall<TaskAssignments>(TaskAssignments.Parser);
        connection.Start(watch, RpcMethod.Assignments, new Wire.AssignmentsRequest { SessionId = id });
        var chain = new AssignmentChain();
        while (await watch.MoveNextAsync())
        {
            if (!chain.Take(watch.Current))
                throw new InvalidDataException("an assignments message is missing");
            worker.Apply(watch.Current);
        }
        throw new EndOfStreamException("the stream of assignments ended");
    }

    /// <summary>One call at a time. No deadline: an engine waits for the answer as long as the session lasts.</summary>
    private async Task ReportAsync(string id)
    {
        var request = new StatusRequest(id);
        while (true)
        {
            await reports.WaitAsync().ConfigureAwait(false);
            if (Volatile.Read(ref _reason) is not null)
                return;
            _taken.Clear();
            reports.Take(_taken, settings.StatusesPerCall);
            if (_taken.Count == 0)
                continue;
            try
            {
                await _report.InvokeAsync(connection, RpcMethod.UpdateTaskStatus, request.Of(_taken)).ConfigureAwait(false);
                observer.StatusesSent(_taken.Count);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                // The manager has forgotten the task: nothing to report.
            }
            catch
            {
                foreach (var report in _taken)
                    reports.Put(report);
                throw;
            }
        }
    }

    /// <summary>Simulated containers say nothing; those who ask for it are told so, or they would wait.</summary>
    private async Task AnswerLogReadersAsync()
    {
        var readers = new StreamingCall<Wire.SubscriptionMessage>(Wire.SubscriptionMessage.Parser);
        connection.Start(readers, RpcMethod.ListenSubscriptions, new Wire.ListenSubscriptionsRequest());
        try
        {
            while (await readers.MoveNextAsync().ConfigureAwait(false))
            {
                var reader = readers.Current;
                if (reader.Close || reader.Options is { Follow: true })
                    continue;
                var end = new Wire.PublishLogsMessage { SubscriptionId = reader.Id, Close = true };
                await new UnaryCall<Wire.PublishLogsResponse>(Wire.PublishLogsResponse.Parser).InvokeAsync(connection, RpcMethod.PublishLogs, end).ConfigureAwait(false);
            }
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            // A manager that knows no logs: as engines do, all else goes on.
            return;
        }
        throw new EndOfStreamException("the stream of log subscriptions ended");
    }
}
