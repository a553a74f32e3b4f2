using System.Net;
using System.Net.Sockets;
using System.Text;
using Skep.EndToEnd.Lab;
using Xunit;

namespace Skep.EndToEnd;

/// <summary>Malformed and hostile requests on the Docker API: the same answers as stock, and nothing is lost.</summary>
[Trait("Category", "slow")]
public sealed class ApiBadInputTests(Cluster cluster) : ClusterTest(cluster)
{
    private const string Good = """{"Name":"web","TaskTemplate":{"ContainerSpec":{"Image":"box:1"}},"Mode":{"Replicated":{"Replicas":0}}""";

    [Theory]
    [InlineData("{")]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"Name":5}""")]
    [InlineData("""{"Name":"web","Mode":{"Replicated":{"Replicas":"many"}}}""")]
    [InlineData("""{"Name":"web","Mode":{"Replicated":{"Replicas":-1}}}""")]
    public async Task A_malformed_body_is_a_bad_request(string body)
    {
        Assert.Equal(HttpStatusCode.BadRequest, await Post("/v1.41/services/create", body));
        Assert.Equal(HttpStatusCode.BadRequest, await Post("/v1.41/networks/create", body.Replace("Mode", "Labels", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Unknown_fields_are_ignored()
    {
        Assert.Equal(HttpStatusCode.Created, await Post("/v1.41/services/create", Good + ""","Nonsense":{"a":[1,2]}}"""));
        Assert.Equal(["web"], (await Cluster.Docker("service ls --format '{{.Name}}'")).Lines);
    }

    [Theory]
    [InlineData("""{"Name":"web","TaskTemplate":{}}""", "mismatched Runtime and *Spec fields")]
    [InlineData("""{"Name":"web","TaskTemplate":{"ContainerSpec":{}}}""", "ContainerSpec: image reference must be provided")]
    [InlineData("""{"TaskTemplate":{"ContainerSpec":{"Image":"box:1"}},"Name":"-"}""", "name must be valid as a DNS name component")]
    public async Task Missing_and_invalid_parts_are_named(string body, string words)
    {
        using var client = EngineHttp.Client(Cluster.Peer.Socket(Cluster.Hosts));
        using var answer = await client.PostAsync("/v1.41/services/create", Json(body));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(words, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_huge_body_is_refused_and_the_manager_works_on()
    {
        var huge = Good + $$""","Labels":{"a":"{{new string('x', 64 << 20)}}"} }""";
        try
        {
            Assert.True((int)await Post("/v1.41/services/create", huge) >= 400);
        }
        catch (HttpRequestException)
        {
            // closed before all of it was sent
        }
        await StillWell();
    }

    [Fact]
    public async Task A_stale_version_is_out_of_sequence()
    {
        await Cluster.Docker($"{Create} --name web --replicas 0 box:1");
        using var client = EngineHttp.Client(Cluster.Peer.Socket(Cluster.Hosts));
        using var answer = await client.PostAsync("/v1.41/services/web/update?version=1", Json(Good + "}"));
        Assert.False(answer.IsSuccessStatusCode);
        Assert.Contains("update out of sequence", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var nonsense = await client.PostAsync("/v1.41/services/web/update?version=x", Json(Good + "}"));
        Assert.Equal(HttpStatusCode.BadRequest, nonsense.StatusCode);
    }

    [Theory]
    [InlineData("/v1.41/services/nosuch", 404)]
    [InlineData("/v1.41/nodes/nosuch", 404)]
    [InlineData("/v1.41/tasks/nosuch", 404)]
    [InlineData("/v1.41/nosuch", 404)]
    [InlineData("/v9.99/services", 400)]
    [InlineData("/v0.1/services", 400)]
    [InlineData("/v1.41/services?filters=%7Bnonsense", 400)]
    [InlineData("/v1.41/services?filters=%7B%22nosuch%22%3A%5B%22a%22%5D%7D", 400)]
    [InlineData("/v1.41/swarm", 200)]
    public async Task Each_path_answers_with_its_code(string path, int code)
    {
        using var client = EngineHttp.Client(Cluster.Peer.Socket(Cluster.Hosts));
        using var answer = await client.GetAsync(path);
        Assert.Equal(code, (int)answer.StatusCode);
        if (code >= 400 && path.StartsWith("/v1.41/", StringComparison.Ordinal)) Assert.Contains("\"message\":", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_on_the_socket_is_dropped()
    {
        var endpoint = new UnixDomainSocketEndPoint(Cluster.Peer.Socket(Cluster.Hosts)["unix://".Length..]);
        foreach (var garbage in new[] { "\0\0\0\0", "GET\r\n\r\n", "POST /v1.41/services/create HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "GET / HTTP/1.1\r\n" + new string('x', 200_000) })
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(endpoint);
            try
            {
                await socket.SendAsync(Encoding.ASCII.GetBytes(garbage));
            }
            catch (SocketException)
            {
                // closed while it was still being written
            }
        }
        await StillWell();
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private async Task<HttpStatusCode> Post(string path, string body)
    {
        using var client = EngineHttp.Client(Cluster.Peer.Socket(Cluster.Hosts));
        using var answer = await client.PostAsync(path, Json(body));
        return answer.StatusCode;
    }

    private async Task StillWell() => Assert.Equal(2, (await Cluster.Docker("node ls -q")).Lines.Length);
}
