namespace Skep.Simulation.Mutants;

/// <summary>Looks for a mutant: runs seeds until one fails.</summary>
internal static class Hunt
{
    /// <summary>All mutants, by name.</summary>
    public static readonly IReadOnlyDictionary<string, Func<Seams>> Mutants = new Func<Seams>[]
    {
        () => new SkipsSync(),
        () => new AnswersBeforeCommit(),
        () => new VotesTwice(),
        () => new VotesWithoutLogCheck(),
        () => new SkipsEntries(),
        () => new AppliesTwice(),
        () => new ForgetsStatuses(),
        () => new SendsStaleAssignments(),
        () => new ReadsStaleState(),
        () => new RetriesWhatMayBeDone(),
        () => new GivesAddressesTwice(),
        () => new PublishesPortsTwice(),
        () => new FillsSlotsTwice(),
    }.ToDictionary(make => make().GetType().Name);

    /// <summary>The seeds run, and what the last of them found.</summary>
    public static (int Seeds, RunResult Last) Find(Func<Seams> mutant, int firstSeed, int seeds)
    {
        for (var i = 0; ; i++)
        {
            var result = new Run(RunOptions.For(firstSeed + i) with { Seams = mutant() }).Go();
            if (result.Failure is not null || i + 1 == seeds)
                return (i + 1, result);
        }
    }
}
