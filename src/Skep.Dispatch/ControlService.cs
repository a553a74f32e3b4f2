using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>
/// SwarmKit's Control service on the cluster port. Managers of Skep forward all inputs through <see cref="Leader.LeaderService"/>, so every call here answers
/// Unimplemented. It is mapped all the same, so that whoever is no manager is refused for his role.
/// </summary>
public sealed class ControlService : Control.ControlBase;
