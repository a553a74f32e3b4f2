using System.Net.Sockets;

namespace Skep.EndToEnd.Lab;

/// <summary>HTTP on a unix socket, for what the docker command does not say (malformed bodies, status codes).</summary>
public static class EngineHttp
{
    /// <summary>A client for a docker -H value of the form unix://PATH; answers must come within 30 s.</summary>
    public static HttpClient Client(string socket)
    {
        var endpoint = new UnixDomainSocketEndPoint(socket["unix://".Length..]);
        return new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(endpoint, cancel);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        { BaseAddress = new Uri("http://engine"), Timeout = TimeSpan.FromSeconds(30) };
    }
}
