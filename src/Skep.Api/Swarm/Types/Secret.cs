using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Types;

internal sealed class Secret : StoredObject
{
    public SecretSpec Spec { get; set; } = new();
}

internal sealed class SecretSpec : AnnotatedSpec
{
    [OmitEmpty]
    public byte[]? Data { get; set; }

    [OmitEmpty]
    public Driver? Driver { get; set; }

    [OmitEmpty]
    public Driver? Templating { get; set; }
}

internal sealed class Config : StoredObject
{
    public ConfigSpec Spec { get; set; } = new();
}

internal sealed class ConfigSpec : AnnotatedSpec
{
    [OmitEmpty]
    public byte[]? Data { get; set; }

    [OmitEmpty]
    public Driver? Templating { get; set; }
}
