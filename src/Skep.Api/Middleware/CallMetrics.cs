using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace Skep.Api.Middleware;

/// <summary>
/// Counts and logs each call. The time counted runs until the head of the answer is sent: streams (events, logs -f, attach) last as
/// long as their readers like.
/// </summary>
internal sealed class CallMetrics(RequestDelegate next, TimeProvider time, ILogger<CallMetrics> log)
{
    private static readonly Histogram Duration = Prometheus.Metrics.CreateHistogram(
        "skep_api_request_duration_seconds",
        "Time from a request of the API to the head of its answer.",
        new HistogramConfiguration { LabelNames = ["method", "endpoint", "code"], Buckets = Histogram.ExponentialBuckets(0.001, 2.5, 12) });

    public async Task InvokeAsync(HttpContext http)
    {
        var trace = CallTrace.Of(http);
        var began = time.GetTimestamp();
        var answered = false;
        trace.OnAnswered = () =>
        {
            if (answered) return;
            answered = true;
            var code = StatusOf(http, trace).ToString(CultureInfo.InvariantCulture);
            Duration.WithLabels(MethodLabel(http.Request.Method), trace.Endpoint, code).Observe(time.GetElapsedTime(began).TotalSeconds);
        };
        http.Response.OnStarting(() =>
        {
            trace.OnAnswered();
            return Task.CompletedTask;
        });
        try
        {
            await next(http);
        }
        finally
        {
            trace.OnAnswered();
            if (log.IsEnabled(LogLevel.Debug))
            {
                // Not the query: build arguments and filters may hold secrets.
                log.LogDebug("{Method} {Path} {Status} {Milliseconds} ms", http.Request.Method, http.Request.Path.Value,
                    StatusOf(http, trace), Math.Round(time.GetElapsedTime(began).TotalMilliseconds, 1));
            }
        }
    }

    private static int StatusOf(HttpContext http, CallTrace trace) => trace.HijackedStatus > 0 ? trace.HijackedStatus : http.Response.StatusCode;

    private static string MethodLabel(string method) =>
        method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "PATCH" or "OPTIONS" ? method : "other";
}
