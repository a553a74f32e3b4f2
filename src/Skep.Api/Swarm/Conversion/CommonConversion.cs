using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Api.Swarm.Conversion;

/// <summary>The small things that all objects share.</summary>
internal static class CommonConversion
{
    public static T WithMeta<T>(this T stored, string id, Wire.Meta? meta)
        where T : Types.StoredObject
    {
        stored.ID = id;
        stored.Version.Index = meta?.Version?.Index ?? 0;
        stored.CreatedAt = meta?.CreatedAt;
        stored.UpdatedAt = meta?.UpdatedAt;
        return stored;
    }

    /// <summary>Labels are there even when there are none, as in stock's answers.</summary>
    public static T WithAnnotations<T>(this T spec, Wire.Annotations? annotations)
        where T : Types.AnnotatedSpec
    {
        spec.Name = annotations?.Name ?? "";
        spec.Labels = annotations is null ? [] : new Dictionary<string, string>(annotations.Labels);
        return spec;
    }

    public static Wire.Annotations ToAnnotations(this Types.AnnotatedSpec spec)
    {
        var annotations = new Wire.Annotations { Name = spec.Name };
        annotations.Labels.Fill(spec.Labels);
        return annotations;
    }

    /// <summary>Null when empty.</summary>
    public static Dictionary<string, string>? ToApi(this MapField<string, string> map) => map.Count == 0 ? null : new Dictionary<string, string>(map);

    public static List<string>? ToApi(this RepeatedField<string> list) => list.Count == 0 ? null : [.. list];

    public static void Fill(this MapField<string, string> map, Dictionary<string, string>? values)
    {
        foreach (var (key, value) in values ?? [])
            map[key] = value;
    }

    public static void Fill(this RepeatedField<string> list, List<string>? values)
    {
        if (values is not null)
            list.AddRange(values);
    }

    public static long ToNanoseconds(this Duration? duration) => duration is null ? 0 : unchecked((duration.Seconds * 1_000_000_000) + duration.Nanos);

    public static Duration ToDuration(this long nanoseconds) =>
        new() { Seconds = nanoseconds / 1_000_000_000, Nanos = (int)(nanoseconds % 1_000_000_000) };

    public static Types.Driver? ToApi(this Wire.Driver? driver) =>
        driver is null ? null : new Types.Driver { Name = driver.Name, Options = driver.Options.ToApi() };

    public static Wire.Driver? ToWire(this Types.Driver? driver)
    {
        if (driver is null)
            return null;
        var wire = new Wire.Driver { Name = driver.Name };
        wire.Options.Fill(driver.Options);
        return wire;
    }

    public static Types.PortConfig ToApi(this Wire.PortConfig port) => new()
    {
        Name = port.Name,
        Protocol = Words.Protocol.Of(port.Protocol),
        PublishMode = Words.PublishMode.Of(port.PublishMode),
        TargetPort = port.TargetPort,
        PublishedPort = port.PublishedPort,
    };

    public static List<Types.PortConfig>? ToApi(this RepeatedField<Wire.PortConfig> ports) => ports.Count == 0 ? null : [.. ports.Select(ToApi)];

    /// <summary>A protocol or mode that is not known is the default, as in stock.</summary>
    public static Wire.PortConfig ToWire(this Types.PortConfig port) => new()
    {
        Name = port.Name,
        Protocol = Words.Protocol.TryParse(port.Protocol, out var protocol) ? protocol : default,
        PublishMode = Words.PublishMode.TryParse(port.PublishMode, out var mode) ? mode : default,
        TargetPort = port.TargetPort,
        PublishedPort = port.PublishedPort,
    };

    public static List<Types.GenericResource>? ToApi(this IReadOnlyCollection<Wire.GenericResource> resources) => resources.Count == 0 ? null : [.. resources.Select(ToApi)];

    private static Types.GenericResource ToApi(Wire.GenericResource resource) => resource.ResourceCase switch
    {
        Wire.GenericResource.ResourceOneofCase.DiscreteResourceSpec => new Types.GenericResource
        {
            DiscreteResourceSpec = new() { Kind = resource.DiscreteResourceSpec.Kind, Value = resource.DiscreteResourceSpec.Value },
        },
        Wire.GenericResource.ResourceOneofCase.NamedResourceSpec => new Types.GenericResource
        {
            NamedResourceSpec = new() { Kind = resource.NamedResourceSpec.Kind, Value = resource.NamedResourceSpec.Value },
        },
        _ => new Types.GenericResource(),
    };

    public static Wire.GenericResource ToWire(this Types.GenericResource resource)
    {
        if (resource.DiscreteResourceSpec is { } discrete)
            return new Wire.GenericResource { DiscreteResourceSpec = new() { Kind = discrete.Kind, Value = discrete.Value } };
        return resource.NamedResourceSpec is { } named
            ? new Wire.GenericResource { NamedResourceSpec = new() { Kind = named.Kind, Value = named.Value } }
            : new Wire.GenericResource();
    }
}
