using Skep.Api.Routing;

namespace Skep.Api.Swarm.Requests;

/// <summary>A request body that is looked at before it is known whether the engine gets it.</summary>
internal sealed class BufferedBody
{
    private readonly MemoryStream _bytes;

    private BufferedBody(MemoryStream bytes) => _bytes = bytes;

    /// <summary>Reads the body and puts the copy in its place.</summary>
    /// <exception cref="ApiException">413.</exception>
    public static async Task<BufferedBody> ReadAsync(ApiContext context)
    {
        var bytes = new MemoryStream();
        var buffer = new byte[8192];
        int n;
        while ((n = await context.Http.Request.Body.ReadAsync(buffer, context.Aborted)) > 0)
        {
            if (bytes.Length + n > ApiContext.DefaultMaxBodyBytes)
                throw new ApiException(413, $"the request body may hold at most {ApiContext.DefaultMaxBodyBytes} bytes");
            bytes.Write(buffer, 0, n);
        }
        bytes.Position = 0;
        context.Http.Request.Body = bytes;
        return new BufferedBody(bytes);
    }

    /// <summary>The next reader gets it from the start.</summary>
    public void Rewind() => _bytes.Position = 0;
}
