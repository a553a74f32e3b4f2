using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Skep.Api.Routing;

namespace Skep.Api.Middleware;

/// <summary>Turns every failure into the Engine API's form, <c>{"message": "…"}</c>: one line, nothing of the inside.</summary>
internal sealed class ErrorAnswers(RequestDelegate next, ILogger<ErrorAnswers> log)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: there is nobody to tell.
        }
        catch (ApiException e)
        {
            await AnswerAsync(http, e.StatusCode, e.Message);
        }
        catch (BadHttpRequestException e)
        {
            await AnswerAsync(http, e.StatusCode, e.Message);
        }
        catch (Exception e)
        {
            log.LogError(e, "{Method} {Path} failed unexpectedly", http.Request.Method, http.Request.Path.Value);
            await AnswerAsync(http, 500, "internal error in skepd: " + e.GetType().Name + " (see its log)");
        }
    }

    private static async Task AnswerAsync(HttpContext http, int statusCode, string message)
    {
        if (http.Response.HasStarted)
        {
            http.Abort(); // a cut answer must not look like a whole one
            return;
        }
        var body = new JsonObject { ["message"] = message.ReplaceLineEndings(" ") };
        http.Response.StatusCode = statusCode;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = null;
        if (HttpMethods.IsHead(http.Request.Method)) return;
        await http.Response.WriteAsync(body.ToJsonString(ApiJson.Options) + "\n");
    }
}
