using System.Security.Cryptography;
using Google.Protobuf;
using Skep.State;

namespace Skep.Manager.Control;

/// <summary>docker secret create, update, rm. Answers never carry the data.</summary>
internal static class SecretControl
{
    private const int MaxSize = 500 * 1024;

    public static Wire.CreateSecretResponse Create(Turn turn, Wire.CreateSecretRequest request)
    {
        var spec = request.Spec ?? throw Refusals.InvalidArgument();
        Names.RequireFileName(spec.Annotations);
        if (spec.Driver is { } driver)
            throw driver.Name.Length == 0
                ? Refusals.InvalidArgument("secret driver must have a name")
                : Refusals.Unimplemented("secret drivers are not supported by this manager yet");
        if (spec.Data.Length is < 1 or >= MaxSize)
            throw Refusals.InvalidArgument($"secret data must be larger than 0 and less than {MaxSize} bytes");
        if (turn.State.Secrets.Values.Any(secret => Names.AreSame(secret.Spec.Annotations.Name, spec.Annotations.Name)))
            throw Refusals.AlreadyExists($"secret {spec.Annotations.Name} already exists");
        return new Wire.CreateSecretResponse { Secret = Put(turn, new Wire.Secret { Id = turn.Ids.NextId(), Spec = spec.Clone() }) };
    }

    public static Wire.UpdateSecretResponse Update(Turn turn, Wire.UpdateSecretRequest request)
    {
        if (request.SecretId.Length == 0 || request.SecretVersion is null || request.Spec is null)
            throw Refusals.InvalidArgument();
        var present = turn.State.Secrets.GetValueOrDefault(request.SecretId) ?? throw Refusals.NotFound("secret", request.SecretId);
        var sameData = request.Spec.Data.IsEmpty || CryptographicOperations.FixedTimeEquals(request.Spec.Data.Span, present.Spec.Data.Span);
        if (present.Spec.Annotations.Name != request.Spec.Annotations?.Name || !sameData)
            throw Refusals.InvalidArgument("only updates to Labels are allowed");
        Refusals.ThrowIfOutOfSequence(request.SecretVersion, present.Meta);
        var secret = present.Clone();
        secret.Spec.Annotations.Labels.Clear();
        secret.Spec.Annotations.Labels.Add(request.Spec.Annotations.Labels);
        return new Wire.UpdateSecretResponse { Secret = Put(turn, secret) };
    }

    public static Wire.RemoveSecretResponse Remove(Turn turn, Wire.RemoveSecretRequest request)
    {
        if (request.SecretId.Length == 0)
            throw Refusals.InvalidArgument("secret ID must be provided");
        var secret = turn.State.Secrets.GetValueOrDefault(request.SecretId)
            ?? throw new ControlException(ControlError.NotFound, $"could not find secret {request.SecretId}");
        var users = turn.State.Services.Values
            .Where(service => service.Spec.Task?.Container?.Secrets.Any(reference => reference.SecretId == secret.Id) == true)
            .Select(service => service.Spec.Annotations.Name).ToList();
        if (users.Count > 0)
            throw Refusals.InvalidArgument($"secret '{secret.Spec.Annotations.Name}' is in use by the following service{(users.Count == 1 ? "" : "s")}: {string.Join(", ", users)}");
        turn.Emit(new Mutation { RemoveSecret = new RemoveObject { Id = secret.Id } });
        return new Wire.RemoveSecretResponse();
    }

    private static Wire.Secret Put(Turn turn, Wire.Secret secret)
    {
        turn.Emit(new Mutation { PutSecret = new PutSecret { Secret = secret } });
        var answer = turn.State.Secrets[secret.Id].Clone();
        answer.Spec.Data = ByteString.Empty;
        return answer;
    }
}
