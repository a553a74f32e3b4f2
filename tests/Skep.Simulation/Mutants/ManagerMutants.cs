using Skep.Manager;
using Skep.State;

namespace Skep.Simulation.Mutants;

/// <summary>A status is answered, and now and then never said to the leader.</summary>
internal sealed class ForgetsStatuses : Seams
{
    public override IManager StatusIntake(IManager manager) => new Forgetful(manager);

    private sealed class Forgetful(IManager manager) : ManagerWrapper(manager)
    {
        private int _count;

        public override Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default) =>
            ++_count % 20 == 0 ? Task.FromResult(default(TReply)!) : base.SubmitAsync(input, cancellation);
    }
}

/// <summary>Complete assignments are made from a state that lags, without waiting for what is committed.</summary>
internal sealed class SendsStaleAssignments : Seams
{
    public override IManager Dispatcher(IManager manager) => new Lagging(manager);

    private sealed class Lagging(IManager manager) : ManagerWrapper(manager)
    {
        private readonly StateStore _late = new();
        private int _barriers;
        private bool _nextIsLate;

        // The look at the state after a barrier is the one that counts.
        public override StateStore Store
        {
            get
            {
                var store = _nextIsLate ? _late : base.Store;
                _nextIsLate = false;
                return store;
            }
        }

        public override Task ReadBarrierAsync(CancellationToken cancellation = default)
        {
            if (_barriers++ % 5 == 0)
                _late.Reset(base.Store.Read(state => state.Clone()));
            _nextIsLate = true;
            return Task.CompletedTask;
        }
    }
}

/// <summary>API reads are answered from whatever state a manager has.</summary>
internal sealed class ReadsStaleState : Seams
{
    public override bool ReadsAreFresh => false;
}

/// <summary>An input is sent to the next leader although the last one may have done it.</summary>
internal sealed class RetriesWhatMayBeDone : Seams
{
    public override bool LostCallsAreUndone => true;
}

/// <summary>A manager seen through something that changes one thing.</summary>
internal abstract class ManagerWrapper(IManager manager) : IManager
{
    public ManagerSelf Self => manager.Self;

    public virtual StateStore Store => manager.Store;

    public bool IsLeader => manager.IsLeader;

    public virtual Task ReadBarrierAsync(CancellationToken cancellation = default) => manager.ReadBarrierAsync(cancellation);

    public virtual Task<TReply> SubmitAsync<TReply>(Input<TReply> input, CancellationToken cancellation = default) => manager.SubmitAsync(input, cancellation);
}
