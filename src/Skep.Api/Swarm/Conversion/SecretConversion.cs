using Google.Protobuf;

namespace Skep.Api.Swarm.Conversion;

/// <summary>Secrets (whose data never leaves the managers through the API) and configs.</summary>
internal static class SecretConversion
{
    public static Types.Secret ToApi(this Wire.Secret secret) => new Types.Secret
    {
        Spec = new Types.SecretSpec { Driver = secret.Spec.Driver.ToApi(), Templating = secret.Spec.Templating.ToApi() }.WithAnnotations(secret.Spec.Annotations),
    }.WithMeta(secret.Id, secret.Meta);

    public static Wire.SecretSpec ToWire(this Types.SecretSpec spec) => new()
    {
        Annotations = spec.ToAnnotations(),
        Data = ByteString.CopyFrom(spec.Data ?? []),
        Driver = spec.Driver.ToWire(),
        Templating = spec.Templating.ToWire(),
    };

    public static Types.Config ToApi(this Wire.Config config) => new Types.Config
    {
        Spec = new Types.ConfigSpec { Data = config.Spec.Data.ToByteArray(), Templating = config.Spec.Templating.ToApi() }.WithAnnotations(config.Spec.Annotations),
    }.WithMeta(config.Id, config.Meta);

    public static Wire.ConfigSpec ToWire(this Types.ConfigSpec spec) => new()
    {
        Annotations = spec.ToAnnotations(),
        Data = ByteString.CopyFrom(spec.Data ?? []),
        Templating = spec.Templating.ToWire(),
    };
}
