namespace Skep.Api.Swarm.Json;

/// <summary>
/// Leaves the property out of an answer when it is empty (null, 0, false, "", no elements): Go's <c>omitempty</c>, on which the
/// client's templates and scripts rely.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class OmitEmptyAttribute : Attribute;
