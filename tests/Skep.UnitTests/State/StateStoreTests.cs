using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class StateStoreTests : IDisposable
{
    private readonly StateStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Subscribers_get_what_changed_after_it_can_be_read()
    {
        var seen = new List<string>();
        using var subscription = _store.Subscribe(changes => seen.AddRange(changes.OfType<ServiceChange>()
            .Select(change => _store.Read(state => state.Services[change.New!.Id].Spec.Annotations.Name))));
        _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1")));
        Assert.Equal(["web"], seen);
    }

    [Fact]
    public void A_subscription_that_ended_is_told_nothing_more()
    {
        var calls = 0;
        _store.Subscribe(_ => calls++).Dispose();
        _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1")));
        Assert.Equal(0, calls);
    }

    [Fact]
    public void A_subscriber_that_throws_stops_neither_the_state_nor_the_others()
    {
        var calls = 0;
        Exception? fault = null;
        _store.SubscriberFailed += e => fault = e;
        using var bad = _store.Subscribe(_ => throw new InvalidOperationException("no"));
        using var good = _store.Subscribe(_ => calls++);
        _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Service("web", "box:1")));
        Assert.Equal(1, calls);
        Assert.Equal("no", fault?.Message);
        Assert.Equal(1ul, _store.Read(state => state.Version));
    }

    [Fact]
    public void A_batch_that_does_not_fit_is_an_error_of_the_log_and_reaches_no_subscriber()
    {
        var calls = 0;
        using var subscription = _store.Subscribe(_ => calls++);
        Assert.Throws<StateDivergedException>(() => _store.Apply(Batches.Of(DateTimeOffset.UnixEpoch, Batches.Assign("ghost", "n1"))));
        Assert.Equal(0, calls);
    }
}
