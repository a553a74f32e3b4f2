using Skep.Log;
using Skep.Manager;
using Skep.Raft;
using Skep.Simulation.Managers;

namespace Skep.Simulation;

/// <summary>
/// Where a mutant may break a promise of a manager, so that it shows whether the simulator finds it. As they stand they change nothing.
/// </summary>
internal class Seams
{
    public static readonly Seams None = new();

    public virtual IFileSystem Files(IFileSystem files) => files;

    public virtual IStateMachine Machine(IStateMachine machine, ManagerHost host) => machine;

    public virtual IProposer Proposer(IProposer proposer) => proposer;

    /// <summary>The manager as the dispatcher's status intake sees it.</summary>
    public virtual IManager StatusIntake(IManager manager) => manager;

    /// <summary>The manager as the dispatcher service sees it.</summary>
    public virtual IManager Dispatcher(IManager manager) => manager;

    /// <summary>What a member is about to send.</summary>
    public virtual Message Outgoing(Message message) => message;

    /// <summary>What a member is about to take in.</summary>
    public virtual Message Incoming(Message message) => message;

    /// <summary>Whether API reads wait for what is committed.</summary>
    public virtual bool ReadsAreFresh => true;

    /// <summary>Whether a call to the leader whose connection broke is known not to have been done.</summary>
    public virtual bool LostCallsAreUndone => false;
}
