using Grpc.Core;
using Grpc.Net.Client;

namespace Skep.Agent;

/// <summary>
/// One round of registration with a manager: the session's stream, heartbeats, assignments, log subscriptions and reports, on one connection. The first of
/// them that fails ends all.
/// </summary>
internal sealed class ManagerSession(GrpcChannel channel, Worker worker, ReportQueue reports, AgentSettings settings, IAgentObserver observer, TimeProvider time)
{
    /// <summary>As engines: of each call, and of a session's first message.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Managers wait for so many periods before a silent node is down.</summary>
    private const int GraceFactor = 3;

    private readonly Wire.Dispatcher.DispatcherClient _dispatcher = new(channel);
    private readonly Wire.LogBroker.LogBrokerClient _logs = new(channel);
    private string _id = "";

    /// <summary>Runs until the session fails, and throws why.</summary>
    /// <param name="previousId">Of the session before: a manager that knows it goes on with it. Empty at first.</param>
    /// <param name="onMessage">Is given each of the session's messages; the first one means that the node is registered.</param>
    /// <param name="cancellation">Ends the session.</param>
    public async Task RunAsync(string previousId, Action<Wire.SessionMessage> onMessage, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var session = _dispatcher.Session(new Wire.SessionRequest { Description = settings.Description, SessionId = previousId }, cancellationToken: ended.Token);
        await FirstMessageAsync(session.ResponseStream, ended.Token).ConfigureAwait(false);
        _id = session.ResponseStream.Current.SessionId;
        worker.ReportAll();
        onMessage(session.ResponseStream.Current);
        Task[] duties =
        [
            ListenAsync(session.ResponseStream, onMessage, ended.Token),
            BeatAsync(ended.Token),
            WatchAsync(ended.Token),
            ReportAsync(ended.Token),
            AnswerLogReadersAsync(ended.Token),
        ];
        var first = await Task.WhenAny(duties).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(duties).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
        await first.ConfigureAwait(false);
    }

    private async Task FirstMessageAsync(IAsyncStreamReader<Wire.SessionMessage> stream, CancellationToken cancellation)
    {
        try
        {
            if (!await stream.MoveNext(cancellation).WaitAsync(CallTimeout, time, cancellation).ConfigureAwait(false))
                throw new EndOfStreamException("the session's stream ended before its first message");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException("session initiation timed out", e);
        }
    }

    private static async Task ListenAsync(IAsyncStreamReader<Wire.SessionMessage> stream, Action<Wire.SessionMessage> onMessage, CancellationToken cancellation)
    {
        while (await stream.MoveNext(cancellation).ConfigureAwait(false))
            onMessage(stream.Current);
        throw new EndOfStreamException("the session's stream ended");
    }

    private async Task BeatAsync(CancellationToken cancellation)
    {
        var grace = TimeSpan.MaxValue;
        var lastAnswer = time.GetTimestamp();
        while (true)
        {
            var sent = time.GetTimestamp();
            var answer = await _dispatcher.HeartbeatAsync(new Wire.HeartbeatRequest { SessionId = _id }, deadline: Deadline(), cancellationToken: cancellation).ConfigureAwait(false);
            var answered = time.GetTimestamp();
            observer.HeartbeatAnswered(time.GetElapsedTime(sent, answered), late: time.GetElapsedTime(lastAnswer, answered) > grace);
            lastAnswer = answered;
            var period = answer.Period.ToTimeSpan();
            grace = period * GraceFactor;
            await Task.Delay(period, time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task WatchAsync(CancellationToken cancellation)
    {
        using var watch = _dispatcher.Assignments(new Wire.AssignmentsRequest { SessionId = _id }, cancellationToken: cancellation);
        var chain = new AssignmentChain();
        while (await watch.ResponseStream.MoveNext(cancellation).ConfigureAwait(false))
        {
            if (!chain.Take(watch.ResponseStream.Current))
                throw new InvalidDataException("an assignments message is missing");
            worker.Apply(watch.ResponseStream.Current);
        }
        throw new EndOfStreamException("the stream of assignments ended");
    }

    /// <summary>One call at a time. No deadline: an engine waits for the answer as long as the session lasts.</summary>
    private async Task ReportAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await reports.WaitAsync(cancellation).ConfigureAwait(false);
            var taken = reports.Take(settings.StatusesPerCall);
            if (taken.Count == 0)
                continue;
            var request = new Wire.UpdateTaskStatusRequest { SessionId = _id };
            foreach (var report in taken)
                request.Updates.Add(StatusMessages.Make(report));
            try
            {
                await _dispatcher.UpdateTaskStatusAsync(request, cancellationToken: cancellation).ConfigureAwait(false);
                observer.StatusesSent(taken.Count);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                // The manager has forgotten the task: nothing to report.
            }
            catch
            {
                foreach (var report in taken)
                    reports.Put(report);
                throw;
            }
        }
    }

    /// <summary>Simulated containers say nothing; those who ask for it are told so, or they would wait.</summary>
    private async Task AnswerLogReadersAsync(CancellationToken cancellation)
    {
        using var readers = _logs.ListenSubscriptions(new Wire.ListenSubscriptionsRequest(), cancellationToken: cancellation);
        while (await readers.ResponseStream.MoveNext(cancellation).ConfigureAwait(false))
        {
            var reader = readers.ResponseStream.Current;
            if (reader.Close || reader.Options is { Follow: true })
                continue;
            using var publish = _logs.PublishLogs(deadline: Deadline(), cancellationToken: cancellation);
            await publish.RequestStream.WriteAsync(new Wire.PublishLogsMessage { SubscriptionId = reader.Id, Close = true }, cancellation).ConfigureAwait(false);
            await publish.RequestStream.CompleteAsync().ConfigureAwait(false);
        }
        throw new EndOfStreamException("the stream of log subscriptions ended");
    }

    // gRPC's deadlines run by the machine's clock, whatever the agent's clock says.
    private static DateTime Deadline() => TimeProvider.System.GetUtcNow().UtcDateTime + CallTimeout;
}
