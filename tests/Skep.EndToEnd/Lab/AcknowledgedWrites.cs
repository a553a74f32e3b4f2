using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Skep.EndToEnd.Lab;

/// <summary>
/// Writers, one at each manager, that go on whatever happens and remember what was acknowledged. Every service belongs to one writer, which asks for one
/// thing after the other; so what a service must look like in the end is known: the last acknowledged write, or one after it whose answer never came.
/// </summary>
/// <param name="managers">Where they write.</param>
/// <param name="seed">What they write.</param>
public sealed class AcknowledgedWrites(LoneManagers managers, int seed) : IAsyncDisposable
{
    private const string Label = "written";
    private const int MaxReplicas = 4;
    private const int MaxServicesPerWriter = 150;

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(60);

    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<string, Written> _services = [];
    private readonly List<Task> _writers = [];
    private int _acknowledged;
    private int _unanswered;

    public int Acknowledged => _acknowledged;

    public int Unanswered => _unanswered;

    public void Start() => _writers.AddRange(managers.Names.Select((name, i) => Task.Run(() => WriteAsync(name, new Random(seed + i)))));

    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_writers);
    }

    /// <summary>What a manager's services lack of what was acknowledged; empty when nothing is lost.</summary>
    public IReadOnlyList<string> Lost(JsonArray services)
    {
        var found = services.ToDictionary(s => s!["Spec"]!["Name"]!.GetValue<string>(), s => s!["Spec"]!);
        var lost = new List<string>();
        foreach (var (name, written) in _services)
        {
            if (!found.TryGetValue(name, out var spec))
            {
                if (written.Acknowledged is { } last) lost.Add($"{name} is gone, {last} was acknowledged");
                continue;
            }
            var has = new Write(int.Parse(spec["Labels"]?[Label]?.GetValue<string>() ?? "0", System.Globalization.CultureInfo.InvariantCulture), spec["Mode"]!["Replicated"]!["Replicas"]!.GetValue<int>());
            if (has != written.Acknowledged && !written.Unanswered.Contains(has))
                lost.Add($"{name} has {has}, acknowledged was {written.Acknowledged?.ToString() ?? "nothing"}, without answer: {string.Join(", ", written.Unanswered)}");
        }
        return lost;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _end.Dispose();
    }

    private async Task WriteAsync(string manager, Random random)
    {
        var own = new List<string>();
        for (var n = 1; !_end.IsCancellationRequested; n++)
        {
            var isNew = own.Count < MaxServicesPerWriter && (own.Count == 0 || random.Next(3) == 0);
            var service = isNew ? $"{manager}-{n}" : own[random.Next(own.Count)];
            var written = _services.GetOrAdd(service, _ => new Written());
            if (isNew) own.Add(service);
            // A service whose creation was not answered may or may not be there: it is left as it is.
            if (!isNew && written.Acknowledged is null) continue;
            // Only upwards, so that no task is ever to be removed.
            var most = written.Unanswered.Append(written.Acknowledged ?? default).Max(write => write.Replicas);
            var write = isNew ? new Write(0, random.Next(3)) : new Write(n, Math.Min(MaxReplicas, most + random.Next(2)));
            await TryAsync(manager, service, isNew, write, written);
            await Task.Delay(Pause);
        }
    }

    private async Task TryAsync(string manager, string service, bool isNew, Write write, Written written)
    {
        using var patience = new CancellationTokenSource(AnswerLimit);
        written.Unanswered.Add(write);
        try
        {
            if (isNew)
            {
                await managers.CreateServiceAsync(manager, service, write.Replicas, patience.Token);
            }
            else
            {
                await managers.UpdateServiceAsync(manager, service, spec =>
                {
                    spec["Labels"] = new JsonObject { [Label] = $"{write.Label}" };
                    spec["Mode"]!["Replicated"]!["Replicas"] = write.Replicas;
                }, patience.Token);
            }
            written.Acknowledged = write;
            written.Unanswered.Clear();
            Interlocked.Increment(ref _acknowledged);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            Interlocked.Increment(ref _unanswered);
        }
    }

    private readonly record struct Write(int Label, int Replicas)
    {
        public override string ToString() => $"{Label} with {Replicas} replicas";
    }

    private sealed class Written
    {
        public Write? Acknowledged { get; set; }

        /// <summary>After the one that was acknowledged; each may have been done.</summary>
        public List<Write> Unanswered { get; } = [];
    }
}
