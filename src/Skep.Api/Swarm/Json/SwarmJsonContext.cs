using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Skep.Api.Swarm.Json;

/// <summary>Metadata of the API's types, made at build time.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(IEnumerable<Types.Service>))]
[JsonSerializable(typeof(IEnumerable<Types.Task>))]
[JsonSerializable(typeof(IEnumerable<Types.Node>))]
[JsonSerializable(typeof(IEnumerable<Types.Secret>))]
[JsonSerializable(typeof(IEnumerable<Types.Config>))]
[JsonSerializable(typeof(Types.Swarm))]
[JsonSerializable(typeof(Types.Info))]
[JsonSerializable(typeof(Types.InitRequest))]
[JsonSerializable(typeof(Types.JoinRequest))]
[JsonSerializable(typeof(Types.UnlockKey))]
[JsonSerializable(typeof(Types.IdResponse))]
[JsonSerializable(typeof(Types.ServiceCreateResponse))]
[JsonSerializable(typeof(Types.ServiceUpdateResponse))]
[JsonSerializable(typeof(Types.NetworkResource))]
[JsonSerializable(typeof(Types.NetworkCreateRequest))]
[JsonSerializable(typeof(Types.NetworkCreateResponse))]
[JsonSerializable(typeof(Types.EventMessage))]
[JsonSerializable(typeof(List<List<string>>))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(string))]
internal sealed partial class SwarmJsonContext : JsonSerializerContext;
