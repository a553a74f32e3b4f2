using Skep.Simulation.Mutants;
using Xunit;

namespace Skep.Simulation.Tests;

/// <summary>Promises broken on purpose: the simulator must find each within a few seeds, by the invariant that it breaks.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("VotesTwice", 10)]
    [InlineData("GivesAddressesTwice", 10)]
    public void An_easy_mutant_is_found(string mutant, int seeds) => Find(mutant, seeds);

    [Theory]
    [Trait("Category", "slow")]
    [InlineData("SkipsSync", 10)]
    [InlineData("AnswersBeforeCommit", 20)]
    [InlineData("VotesWithoutLogCheck", 30)]
    [InlineData("SkipsEntries", 10)]
    [InlineData("AppliesTwice", 10)]
    [InlineData("ForgetsStatuses", 20)]
    [InlineData("SendsStaleAssignments", 60)]
    [InlineData("ReadsStaleState", 20)]
    [InlineData("RetriesWhatMayBeDone", 60)]
    [InlineData("PublishesPortsTwice", 20)]
    [InlineData("FillsSlotsTwice", 10)]
    public void A_mutant_is_found(string mutant, int seeds) => Find(mutant, seeds);

    [Fact]
    public void Every_mutant_is_hunted()
    {
        var hunted = typeof(MutantTests).GetMethods().SelectMany(m => m.GetCustomAttributes(false).OfType<InlineDataAttribute>()).Select(a => (string)a.Data[0]!);
        Assert.Equal(Hunt.Mutants.Keys.Order(), hunted.Order());
    }

    private void Find(string mutant, int seeds)
    {
        var (run, result) = Hunt.Find(Hunt.Mutants[mutant], firstSeed: 1, seeds);
        Assert.True(result.Failure is not null, $"{mutant} was not found in {seeds} seeds");
        output.WriteLine($"found with seed {run} ({result.Failure.Invariant}): {result.Failure.Message}");
        // A fault of the mutant itself would be no find.
        Assert.NotEqual("no exceptions", result.Failure.Invariant);
    }
}
