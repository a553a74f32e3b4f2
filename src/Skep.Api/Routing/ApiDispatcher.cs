using Microsoft.AspNetCore.Http;
using Skep.Api.Engine;
using Skep.Api.Middleware;

namespace Skep.Api.Routing;

/// <summary>Gives each call to the handler that claims it, or else to the local engine.</summary>
internal sealed class ApiDispatcher(ApiRoutes routes, IEngineClient engine, EngineForwarder forwarder, string productVersion)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var named = ApiVersion.TrySplit(path, out var version, out var rest);
        if (named) path = rest!;

        var match = routes.Find(http.Request.Method, path);
        CallTrace.Of(http).Endpoint = match?.Template ?? PassedEndpoint.Of(path);
        if (match is null)
        {
            await forwarder.ForwardAsync(http);
            return;
        }

        var spoken = await engine.GetApiVersionsAsync(http.RequestAborted);
        http.Response.Headers["Api-Version"] = spoken.Max.ToString();
        http.Response.Headers["Ostype"] = "linux";
        http.Response.Headers.Server = $"Skep/{productVersion} (linux)";
        if (named) spoken.Check(version);
        await match.Handler(new ApiContext(http, named ? version : spoken.Max, path, match, engine, forwarder));
    }
}
