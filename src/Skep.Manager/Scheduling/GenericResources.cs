using Google.Protobuf.Collections;

namespace Skep.Manager.Scheduling;

/// <summary>
/// The generic resources of one node that tasks hold: so many of a kind (4 of "ssd"), or named ones ("gpu" UUID1, UUID2).
/// What is free is what the node has and nobody holds.
/// </summary>
internal sealed class GenericResources
{
    private readonly Dictionary<string, long> _counts = [];
    private readonly HashSet<(string Kind, string Value)> _named = [];

    public void Take(IReadOnlyList<Wire.GenericResource> resources)
    {
        foreach (var resource in resources)
        {
            if (resource.NamedResourceSpec is { } named)
                _named.Add((named.Kind, named.Value));
            else if (resource.DiscreteResourceSpec is { } counted)
                _counts[counted.Kind] = _counts.GetValueOrDefault(counted.Kind) + counted.Value;
        }
    }

    public void Release(IReadOnlyList<Wire.GenericResource> resources)
    {
        foreach (var resource in resources)
        {
            if (resource.NamedResourceSpec is { } named)
                _named.Remove((named.Kind, named.Value));
            else if (resource.DiscreteResourceSpec is { } counted)
                _counts[counted.Kind] = _counts.GetValueOrDefault(counted.Kind) - counted.Value;
        }
    }

    /// <summary>Whether the node can give what is asked. A request is always a number of a kind.</summary>
    public bool HasEnough(RepeatedField<Wire.GenericResource> node, Wire.GenericResource asked)
    {
        if (asked.DiscreteResourceSpec is not { } request)
            return false;
        var free = 0L;
        var known = false;
        foreach (var resource in node)
        {
            if (resource.DiscreteResourceSpec is { } counted && counted.Kind == request.Kind)
                return request.Value <= counted.Value - _counts.GetValueOrDefault(request.Kind);
            if (resource.NamedResourceSpec is { } named && named.Kind == request.Kind)
            {
                known = true;
                free += _named.Contains((named.Kind, named.Value)) ? 0 : 1;
            }
        }
        return known && request.Value <= free;
    }

    /// <summary>Whether the node has all of these, besides what is held already.</summary>
    public bool HasAll(RepeatedField<Wire.GenericResource> node, IEnumerable<Wire.GenericResource> resources)
    {
        foreach (var resource in resources)
        {
            var has = resource.NamedResourceSpec is { } named
                ? !_named.Contains((named.Kind, named.Value)) && node.Any(r => named.Equals(r.NamedResourceSpec))
                : HasEnough(node, resource);
            if (!has)
                return false;
        }
        return true;
    }

    /// <summary>What a task gets for its request: the number itself, or so many free named ones.</summary>
    public List<Wire.GenericResource> Choose(RepeatedField<Wire.GenericResource> node, RepeatedField<Wire.GenericResource> asked)
    {
        var chosen = new List<Wire.GenericResource>();
        foreach (var request in asked)
        {
            if (request.DiscreteResourceSpec is not { Value: > 0 } number)
                continue;
            if (node.Any(r => r.DiscreteResourceSpec?.Kind == number.Kind))
                chosen.Add(request.Clone());
            else
                chosen.AddRange(node.Where(r => r.NamedResourceSpec?.Kind == number.Kind && !_named.Contains((r.NamedResourceSpec.Kind, r.NamedResourceSpec.Value)))
                    .Take((int)number.Value).Select(r => r.Clone()));
        }
        return chosen;
    }
}
