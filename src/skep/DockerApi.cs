using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Skep.Cli;

/// <summary>Takes in a part of a body.</summary>
internal delegate void PartWriter(ReadOnlySpan<byte> part);

/// <summary>The Docker API of a manager, over a unix socket or plain TCP.</summary>
internal sealed class DockerApi : IDisposable
{
    private const string DefaultHost = "unix:///run/skep.sock";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient _client;
    private readonly string _host;

    private DockerApi(HttpClient client, string host)
    {
        _client = client;
        _host = host;
    }

    /// <param name="host">As docker's -H; null: DOCKER_HOST, else skepd's default socket.</param>
    /// <exception cref="CliException">It is of no form that is known.</exception>
    public static DockerApi Connect(string? host)
    {
        host ??= Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } set ? set : DefaultHost;
        if (host.StartsWith("unix://", StringComparison.Ordinal))
            return new DockerApi(new HttpClient(Unix(host["unix://".Length..])) { BaseAddress = new Uri("http://docker"), Timeout = Timeout }, host);
        if (host.StartsWith("tcp://", StringComparison.Ordinal) && Uri.TryCreate("http://" + host["tcp://".Length..], UriKind.Absolute, out var address))
            return new DockerApi(new HttpClient { BaseAddress = address, Timeout = Timeout }, host);
        throw new CliException($"'{host}' is neither unix://PATH nor tcp://ADDR:PORT; give one with -H or in DOCKER_HOST");
    }

    /// <exception cref="CliException">No answer, or a refusal, in one line.</exception>
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancellation) =>
        await CallAsync(HttpMethod.Get, path, body: null, cancellation) ?? throw new CliException($"{_host} answered nothing to {path}");

    /// <summary>The answer; null when it is empty.</summary>
    /// <exception cref="CliException">No answer, or a refusal, in one line.</exception>
    public Task<JsonNode?> PostAsync(string path, JsonNode body, CancellationToken cancellation) => CallAsync(HttpMethod.Post, path, body, cancellation);

    /// <summary>Hands the parts of an answer's body on as they come.</summary>
    /// <exception cref="CliException">No answer, a refusal, or it ended early, in one line.</exception>
    public async Task DownloadAsync(string path, PartWriter write, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            using var answer = await _client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (!answer.IsSuccessStatusCode)
                throw new CliException(MessageOf(await answer.Content.ReadAsStringAsync(cancellation)) ?? $"{_host} answered {(int)answer.StatusCode}");
            await using var body = await answer.Content.ReadAsStreamAsync(cancellation);
            var buffer = new byte[1 << 20];
            while (true)
            {
                silence.CancelAfter(Timeout);
                var read = await body.ReadAsync(buffer, silence.Token);
                if (read == 0)
                    return;
                write(buffer.AsSpan(0, read));
            }
        }
        catch (HttpIOException e)
        {
            throw new CliException($"{_host} ended its answer early ({e.Message}): try again");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new CliException($"no manager answers on {_host} ({e.Message}); is skepd running, and is this the right -H?");
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<JsonNode?> CallAsync(HttpMethod method, string path, JsonNode? body, CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            if (body is not null)
                request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
            using var answer = await _client.SendAsync(request, cancellation);
            var text = await answer.Content.ReadAsStringAsync(cancellation);
            if (!answer.IsSuccessStatusCode)
                throw new CliException(MessageOf(text) ?? $"{_host} answered {(int)answer.StatusCode}");
            return text.Length > 0 ? JsonNode.Parse(text) : null;
        }
        catch (Exception e) when (e is HttpRequestException or System.Text.Json.JsonException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new CliException($"no manager answers on {_host} ({e.Message}); is skepd running, and is this the right -H?");
        }
    }

    private static string? MessageOf(string body)
    {
        try
        {
            return JsonNode.Parse(body)?["message"]?.GetValue<string>();
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static SocketsHttpHandler Unix(string path) => new()
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
