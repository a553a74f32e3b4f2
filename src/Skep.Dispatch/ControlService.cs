using Skep.Wire;

namespace Skep.Dispatch;

/// <summary>
/// SwarmKit's Control service on the cluster port. Managers will forward API writes through it when there are several; until
/// then every call answers Unimplemented. It is mapped all the same, so that whoever is no manager is refused for his role.
/// </summary>
public sealed class ControlService : Control.ControlBase;
