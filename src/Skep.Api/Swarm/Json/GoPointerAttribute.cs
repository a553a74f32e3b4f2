namespace Skep.Api.Swarm.Json;

/// <summary>Leaves the property out only when it is null; a 0 that somebody set is written. Go's pointer with <c>omitempty</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class GoPointerAttribute : Attribute;
