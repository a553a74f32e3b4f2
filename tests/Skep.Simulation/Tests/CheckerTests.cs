using Skep.Simulation.Linearizability;
using Xunit;

namespace Skep.Simulation.Tests;

/// <summary>The checker accepts what has an explanation and nothing else.</summary>
public sealed class CheckerTests
{
    private readonly History _history = new();

    [Fact]
    public void What_was_written_is_read()
    {
        Do(Create(1));
        Do(Read(new ServiceValue(1, 1)));
        Do(Update(new ServiceValue(1, 1), 2));
        Do(Read(new ServiceValue(1, 2)));
        Do(Remove(new ServiceValue(1, 2)));
        Do(Read(null));
        Assert.Null(Checker.FindViolation(_history));
    }

    [Fact]
    public void A_stale_read_is_found()
    {
        Do(Create(1));
        Do(Update(new ServiceValue(1, 1), 2));
        Do(Read(new ServiceValue(1, 1)));
        Assert.Contains("Read", Checker.FindViolation(_history), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_write_is_found()
    {
        Do(Create(1));
        Do(Read(null));
        Assert.NotNull(Checker.FindViolation(_history));
    }

    [Fact]
    public void A_read_during_a_write_may_see_either()
    {
        foreach (var seen in new[] { null, new ServiceValue(1, 1) })
        {
            var history = new History();
            var (create, read) = (Create(1), Read(seen));
            history.Called(create);
            history.Called(read);
            read.Outcome = Outcome.Done;
            history.Returned(read);
            create.Outcome = Outcome.Done;
            history.Returned(create);
            Assert.Null(Checker.FindViolation(history));
        }
    }

    [Fact]
    public void A_write_without_an_answer_may_take_effect_later_or_never_but_not_after_all_has_settled()
    {
        _history.Called(Create(1));
        Do(Read(null));
        Do(Read(new ServiceValue(1, 1)));
        Assert.Null(Checker.FindViolation(_history));

        _history.Called(Update(new ServiceValue(1, 1), 2));
        Do(Read(new ServiceValue(1, 1)));
        Assert.Null(Checker.FindViolation(_history));

        _history.Settled();
        Do(Read(new ServiceValue(1, 1)));
        Assert.Null(Checker.FindViolation(_history));
        Do(Read(new ServiceValue(1, 2)));
        Assert.NotNull(Checker.FindViolation(_history));
    }

    [Fact]
    public void A_refused_create_needs_a_service_to_be_there()
    {
        var create = Create(1);
        _history.Called(create);
        create.Outcome = Outcome.Refused;
        _history.Returned(create);
        Assert.NotNull(Checker.FindViolation(_history));
    }

    [Fact]
    public void Two_updates_of_one_value_cannot_both_succeed()
    {
        Do(Create(1));
        Do(Update(new ServiceValue(1, 1), 2));
        Do(Update(new ServiceValue(1, 1), 3));
        Assert.NotNull(Checker.FindViolation(_history));
    }

    private static Operation Create(int value) => new() { Key = "s", Client = "c", Kind = OperationKind.Create, Value = value };

    private static Operation Update(ServiceValue expected, int value) => new() { Key = "s", Client = "c", Kind = OperationKind.Update, Expected = expected, Value = value };

    private static Operation Remove(ServiceValue expected) => new() { Key = "s", Client = "c", Kind = OperationKind.Remove, Expected = expected };

    private static Operation Read(ServiceValue? seen) => new() { Key = "s", Client = "c", Kind = OperationKind.Read, Seen = seen };

    private void Do(Operation operation)
    {
        _history.Called(operation);
        operation.Outcome = Outcome.Done;
        _history.Returned(operation);
    }
}
