namespace Skep.Api.Routing;

/// <summary>Answers one call, or passes it on with <see cref="ApiContext.ForwardAsync"/>. Failures are thrown as <see cref="ApiException"/>.</summary>
public delegate Task ApiHandler(ApiContext context);

/// <summary>The endpoints that skepd claims. Everything else goes to the local engine unseen. Filled before the host is built.</summary>
public sealed class ApiRoutes
{
    private readonly Dictionary<string, List<(RouteTemplate Template, ApiHandler Handler)>> _byMethod;
    private readonly Func<ApiHandler, ApiHandler> _around;

    public ApiRoutes()
        : this(new(StringComparer.Ordinal), handler => handler)
    {
    }

    private ApiRoutes(Dictionary<string, List<(RouteTemplate Template, ApiHandler Handler)>> byMethod, Func<ApiHandler, ApiHandler> around)
    {
        _byMethod = byMethod;
        _around = around;
    }

    /// <summary>The same routes; what is claimed through the answer runs inside of <paramref name="around"/>.</summary>
    public ApiRoutes Around(Func<ApiHandler, ApiHandler> around) => new(_byMethod, around);

    /// <summary>
    /// Claims <paramref name="method"/> (upper case) on <paramref name="template"/>, a path without version such as
    /// "/services/{id}/update"; "{id...}" at its end takes the rest of the path, slashes included. Literal parts win over parameters.
    /// </summary>
    /// <exception cref="ArgumentException">The same claim was made before.</exception>
    public ApiRoutes Map(string method, string template, ApiHandler handler)
    {
        if (!_byMethod.TryGetValue(method, out var routes)) _byMethod[method] = routes = [];
        if (routes.Exists(r => r.Template.Text == template)) throw new ArgumentException($"{method} {template} is claimed twice", nameof(template));
        routes.Add((new RouteTemplate(template), _around(handler)));
        routes.Sort((a, b) => string.CompareOrdinal(a.Template.Rank, b.Template.Rank));
        return this;
    }

    /// <summary>The claim on this call; null when there is none.</summary>
    internal RouteMatch? Find(string method, string path)
    {
        if (!_byMethod.TryGetValue(method, out var routes)) return null;
        var segments = path.TrimStart('/').Split('/');
        foreach (var (template, handler) in routes)
            if (template.Match(segments) is { } values) return new RouteMatch(template.Text, values, handler);
        return null;
    }
}

/// <param name="Template">Names the endpoint in metrics and logs.</param>
internal sealed record RouteMatch(string Template, IReadOnlyDictionary<string, string> Values, ApiHandler Handler);
