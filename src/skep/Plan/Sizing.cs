namespace Skep.Cli.Plan;

/// <summary>
/// What each of so many managers must be able to do when as many have failed as may fail: carry the churn in half its cores, and take over the nodes of
/// the failed ones before they count as down.
/// </summary>
internal sealed class Sizing
{
    /// <summary>The rest is for bursts: a manager that is busy all the time answers late.</summary>
    public const double MostUsedAtRest = 0.5;

    /// <summary>Three heartbeats of 5 s: a node that has not come back by then counts as down, and its tasks are started elsewhere.</summary>
    public const double ReturnSeconds = 15;

    public Sizing(CapacityModel model, Uncertainty uncertainty, Demand demand, int managers)
    {
        Managers = managers;
        MayFail = (managers - 1) / 2;
        var alive = managers - MayFail;
        (Leader, Follower) = (model.Leader(demand, managers, managers), model.Follower(demand, managers, managers));
        var atWorst = model.Leader(demand, managers, alive);
        CoresAtRest = atWorst.Cores * uncertainty.Cpu / MostUsedAtRest;
        CoresForReturn = (atWorst.Cores + (model.ReturnCpuSeconds(demand, managers, alive) / ReturnSeconds)) * uncertainty.Cpu;
        Machine = MachineSize.For(CoresNeeded, atWorst.MemoryBytes * uncertainty.Memory, model.Disk(demand).DiskBytes * uncertainty.Log);
    }

    public int Managers { get; }

    /// <summary>So many managers may be lost and the rest still commits.</summary>
    public int MayFail { get; }

    /// <summary>As predicted while all live, without uncertainty.</summary>
    public ManagerLoad Leader { get; }

    /// <summary>The same for each of the others; without meaning when there are none.</summary>
    public ManagerLoad Follower { get; }

    /// <summary>Needed for the churn, uncertainty included.</summary>
    public double CoresAtRest { get; }

    /// <summary>Needed while the nodes of failed managers come over, uncertainty included.</summary>
    public double CoresForReturn { get; }

    public double CoresNeeded => Math.Max(CoresAtRest, CoresForReturn);

    public MachineSize Machine { get; }
}
