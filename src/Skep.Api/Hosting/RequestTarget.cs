using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;

namespace Skep.Api.Hosting;

/// <summary>Path and query as the client wrote them on the request line.</summary>
internal static class RequestTarget
{
    public static string Of(HttpContext http)
    {
        var raw = http.Features.Get<IHttpRequestFeature>()?.RawTarget;
        // "GET http://host/path" and "OPTIONS *" are no paths; what Kestrel made of them is.
        return raw is { Length: > 0 } && raw[0] == '/' ? raw : http.Request.GetEncodedPathAndQuery();
    }
}
