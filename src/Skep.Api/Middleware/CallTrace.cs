using Microsoft.AspNetCore.Http;

namespace Skep.Api.Middleware;

/// <summary>What the outer middlewares learn of a call from the inner ones.</summary>
internal sealed class CallTrace
{
    private CallTrace()
    {
    }

    /// <summary>Template of the claimed endpoint, or the engine's part of the API; of a closed set.</summary>
    public string Endpoint { get; set; } = "other";

    /// <summary>Status of a hijacked call, whose head never went through the web server; 0 for others.</summary>
    public int HijackedStatus { get; private set; }

    /// <summary>Called once, when the head of the answer goes out or the call ends without one.</summary>
    public Action? OnAnswered { get; set; }

    public static CallTrace Of(HttpContext http)
    {
        if (http.Items[typeof(CallTrace)] is CallTrace trace) return trace;
        trace = new CallTrace();
        http.Items[typeof(CallTrace)] = trace;
        return trace;
    }

    public void Hijacked(int status)
    {
        HijackedStatus = status;
        OnAnswered?.Invoke();
    }
}
