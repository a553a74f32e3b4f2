namespace Skep.Raft;

/// <summary>How an election stands.</summary>
internal enum ElectionResult
{
    Open,
    Won,
    Lost,
}

/// <summary>The arithmetic of majorities.</summary>
internal static class Quorum
{
    public static int MajorityOf(int voters) => (voters / 2) + 1;

    /// <summary>The highest number that a majority of the voters has reached. Nobody has reached anything in a group of none.</summary>
    public static ulong Reached(IReadOnlyList<ulong> voters, Func<ulong, ulong> numberOf)
    {
        if (voters.Count == 0)
            return 0;
        var numbers = new ulong[voters.Count];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = numberOf(voters[i]);
        Array.Sort(numbers);
        return numbers[numbers.Length - MajorityOf(numbers.Length)];
    }

    /// <summary>Won by a majority of yes; lost when the voters left to answer cannot make one any more.</summary>
    public static ElectionResult Count(IReadOnlyList<ulong> voters, IReadOnlyDictionary<ulong, bool> votes)
    {
        var yes = voters.Count(id => votes.TryGetValue(id, out var granted) && granted);
        var no = voters.Count(id => votes.TryGetValue(id, out var granted) && !granted);
        var majority = MajorityOf(voters.Count);
        return yes >= majority ? ElectionResult.Won : voters.Count - no < majority ? ElectionResult.Lost : ElectionResult.Open;
    }
}
