using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skep.Api.Engine;
using Skep.Api.Routing;

namespace Skep.Api.Endpoints;

/// <summary>/_ping, /version and /info: the engine's answers with the swarm's part from skepd; skepd's own where there is no engine.</summary>
internal sealed class SystemEndpoints(EngineClient engine, ISwarmInfo swarm, string productVersion)
{
    // An engine that hangs must not hang "docker node ls", whose client pings first.
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(5);

    public void Map(ApiRoutes routes) => routes
        .Map("GET", "/_ping", PingAsync)
        .Map("HEAD", "/_ping", PingAsync)
        .Map("GET", "/version", VersionAsync)
        .Map("GET", "/info", InfoAsync);

    private async Task PingAsync(ApiContext context)
    {
        var headers = context.Http.Response.Headers;
        // Set first: a client learns API version and role from the refusal too when the engine is down, so swarm commands still work.
        headers["Swarm"] = swarm.PingStatus;
        headers.CacheControl = "no-cache, no-store, must-revalidate";
        headers.Pragma = "no-cache";
        var body = "OK";
        if (engine.IsConfigured)
        {
            var answer = await context.CallEngineAsync(PingTimeout);
            context.Http.Response.StatusCode = answer.StatusCode;
            foreach (var name in (string[])["Api-Version", "Builder-Version", "Docker-Experimental", "Ostype", "Server"])
                if (answer.Headers.TryGetValue(name, out var value)) headers[name] = value;
            body = answer.Text;
        }
        context.Http.Response.ContentType = "text/plain; charset=utf-8";
        var head = HttpMethods.IsHead(context.Http.Request.Method);
        context.Http.Response.ContentLength = head ? 0 : Encoding.UTF8.GetByteCount(body);
        if (!head) await context.Http.Response.WriteAsync(body, context.Aborted);
    }

    private async Task VersionAsync(ApiContext context)
    {
        var version = engine.IsConfigured ? await AskAsync(context) : OwnVersion();
        if (engine.IsConfigured) engine.Learn(version);
        if (version["Components"] is not JsonArray components) version["Components"] = components = [];
        components.Add(new JsonObject
        {
            ["Name"] = "Skep",
            ["Version"] = productVersion,
            ["Details"] = new JsonObject
            {
                ["Arch"] = GoArch,
                ["DotNetVersion"] = Environment.Version.ToString(),
                ["Os"] = "linux",
            },
        });
        await context.WriteJsonAsync(version);
    }

    private async Task InfoAsync(ApiContext context)
    {
        var info = engine.IsConfigured ? await AskAsync(context) : OwnInfo();
        info["Swarm"] = await swarm.GetInfoAsync(context.Aborted);
        await context.WriteJsonAsync(info);
    }

    private static async Task<JsonObject> AskAsync(ApiContext context) =>
        (await context.CallEngineAsync()).EnsureSuccess().Json as JsonObject
        ?? throw new ApiException(502, $"the Docker daemon at {context.Engine.Address} answered {context.Path} without a JSON object");

    private JsonObject OwnVersion() => new()
    {
        ["Platform"] = new JsonObject { ["Name"] = "Skep without engine" },
        ["Version"] = productVersion,
        ["ApiVersion"] = ApiVersionRange.WithoutEngine.Max.ToString(),
        ["MinAPIVersion"] = ApiVersionRange.WithoutEngine.Min.ToString(),
        ["GitCommit"] = "",
        ["GoVersion"] = "",
        ["Os"] = "linux",
        ["Arch"] = GoArch,
        ["KernelVersion"] = Environment.OSVersion.Version.ToString(),
    };

    private JsonObject OwnInfo() => new()
    {
        ["ID"] = "",
        ["Name"] = Environment.MachineName,
        ["ServerVersion"] = productVersion,
        ["Containers"] = 0,
        ["ContainersRunning"] = 0,
        ["ContainersPaused"] = 0,
        ["ContainersStopped"] = 0,
        ["Images"] = 0,
        ["Driver"] = "",
        ["Plugins"] = new JsonObject { ["Volume"] = new JsonArray(), ["Network"] = new JsonArray(), ["Authorization"] = null, ["Log"] = new JsonArray() },
        ["NCPU"] = Environment.ProcessorCount,
        ["MemTotal"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        ["OSType"] = "linux",
        ["OperatingSystem"] = RuntimeInformation.OSDescription,
        ["KernelVersion"] = Environment.OSVersion.Version.ToString(),
        [nameof(Architecture)] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64",
        ["Labels"] = new JsonArray(),
        ["Warnings"] = new JsonArray("There is no Docker Engine on this host (skepd runs with --engine none)"),
    };

    private static string GoArch => RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64";
}
