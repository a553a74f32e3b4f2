using Skep.Api.Swarm.Requests;

namespace Skep.Api.Swarm.Networks;

/// <summary>The filters of /networks, as they apply to networks of the cluster. The engine applies them to its own.</summary>
internal sealed class NetworkFilter
{
    private readonly FilterArgs _filters;
    private readonly bool? _dangling;

    /// <exception cref="ApiException">400.</exception>
    public NetworkFilter(FilterArgs filters)
    {
        _filters = filters.Accept("dangling", "driver", "id", "label", "name", "scope", "type");
        _dangling = filters["dangling"].ToList() switch
        {
            [] => null,
            ["0" or "false"] => false,
            ["1" or "true"] => true,
            [_] => throw new ApiException(400, "invalid value for filter 'dangling', must be \"true\" (or \"1\"), or \"false\" (or \"0\")"),
            _ => throw new ApiException(400, "got more than one value for filter key \"dangling\""),
        };
        if (filters["type"].FirstOrDefault(t => t is not ("builtin" or "custom")) is { } unknown)
            throw new ApiException(400, $"invalid filter: 'type'='{unknown}'");
    }

    public bool Matches(Types.NetworkResource network)
    {
        var types = _filters["type"];
        // Who uses a network of the cluster is not tracked: to stock's filter all of them dangle.
        return _dangling != false
            && (types.Count == 0 || types.Contains("custom"))
            && _filters.Exact("driver", network.Driver)
            && _filters.Exact("scope", network.Scope)
            && _filters.Within("name", network.Name)
            && _filters.Within("id", network.Id)
            && _filters.Labels("label", network.Labels, anyIfEmpty: false);
    }
}
