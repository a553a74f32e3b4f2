using Google.Protobuf;
using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Manager.Control;

public sealed class SecretControlTests
{
    private readonly LoopHarness _harness = new(() => []);

    [Fact]
    public void A_secret_is_stored_and_never_answered()
    {
        var secret = CreateSecret("db.password", "hunter2");
        Assert.Empty(secret.Spec.Data);
        Assert.Equal("hunter2", _harness.State.Secrets[secret.Id].Spec.Data.ToStringUtf8());
    }

    [Fact]
    public void Only_labels_of_a_secret_can_be_changed()
    {
        var secret = CreateSecret("password", "hunter2");
        var updated = UpdateSecret(secret, new Wire.SecretSpec { Annotations = new Wire.Annotations { Name = "password", Labels = { ["a"] = "b" } } });
        Assert.Equal("b", updated.Spec.Annotations.Labels["a"]);
        Assert.Empty(updated.Spec.Data);
        Assert.Equal("hunter2", _harness.State.Secrets[secret.Id].Spec.Data.ToStringUtf8());
        ServiceControlTests.Refused(ControlError.InvalidArgument, "only updates to Labels are allowed",
            () => UpdateSecret(updated, new Wire.SecretSpec { Annotations = new Wire.Annotations { Name = "password" }, Data = ByteString.CopyFromUtf8("other") }));
        ServiceControlTests.Refused(ControlError.OutOfSequence, "update out of sequence", () => UpdateSecret(secret, secret.Spec));
    }

    [Fact]
    public void Names_and_sizes_are_checked()
    {
        CreateSecret("a", "1");
        ServiceControlTests.Refused(ControlError.AlreadyExists, "secret A already exists", () => CreateSecret("A", "2"));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "name must be provided", () => CreateSecret("", "1"));
        ServiceControlTests.Refused(ControlError.InvalidArgument,
            "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]", () => CreateSecret(".a", "1"));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "secret data must be larger than 0 and less than 512000 bytes", () => CreateSecret("b", ""));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "secret data must be larger than 0 and less than 512000 bytes", () => CreateSecret("b", new string('x', 512_000)));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "config data must be larger than 0 and less than 1024000 bytes", () => CreateConfig("b", new string('x', 1_024_000)));
        CreateConfig("b", new string('x', 1_023_999));
        ServiceControlTests.Refused(ControlError.AlreadyExists, "config b already exists", () => CreateConfig("b", "1"));
    }

    [Fact]
    public void What_a_service_uses_cannot_be_removed()
    {
        var secret = CreateSecret("password", "1");
        var config = CreateConfig("settings", "1");
        var service = _harness.CreateService(Specs.Replicated("web", 1, spec =>
        {
            spec.Task.Container.Secrets.Add(new Wire.SecretReference { SecretId = secret.Id, SecretName = "password", File = new Wire.FileTarget { Name = "p" } });
            spec.Task.Container.Configs.Add(new Wire.ConfigReference { ConfigId = config.Id, ConfigName = "settings", File = new Wire.FileTarget { Name = "s" } });
        }));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "secret 'password' is in use by the following service: web", () => RemoveSecret(secret.Id));
        ServiceControlTests.Refused(ControlError.InvalidArgument, "config 'settings' is in use by the following service: web", () => RemoveConfig(config.Id));
        _harness.RemoveService(service);
        RemoveSecret(secret.Id);
        RemoveConfig(config.Id);
        ServiceControlTests.Refused(ControlError.NotFound, $"could not find secret {secret.Id}", () => RemoveSecret(secret.Id));
        ServiceControlTests.Refused(ControlError.NotFound, $"could not find config {config.Id}", () => RemoveConfig(config.Id));
    }

    private Wire.Secret CreateSecret(string name, string data) => _harness.Call<Wire.CreateSecretResponse>(new Wire.CreateSecretRequest
    {
        Spec = new Wire.SecretSpec { Annotations = new Wire.Annotations { Name = name }, Data = ByteString.CopyFromUtf8(data) },
    }).Secret;

    private Wire.Config CreateConfig(string name, string data) => _harness.Call<Wire.CreateConfigResponse>(new Wire.CreateConfigRequest
    {
        Spec = new Wire.ConfigSpec { Annotations = new Wire.Annotations { Name = name }, Data = ByteString.CopyFromUtf8(data) },
    }).Config;

    private Wire.Secret UpdateSecret(Wire.Secret seen, Wire.SecretSpec spec) =>
        _harness.Call<Wire.UpdateSecretResponse>(new Wire.UpdateSecretRequest { SecretId = seen.Id, SecretVersion = seen.Meta.Version, Spec = spec }).Secret;

    private void RemoveSecret(string id) => _harness.Call<Wire.RemoveSecretResponse>(new Wire.RemoveSecretRequest { SecretId = id });

    private void RemoveConfig(string id) => _harness.Call<Wire.RemoveConfigResponse>(new Wire.RemoveConfigRequest { ConfigId = id });
}
