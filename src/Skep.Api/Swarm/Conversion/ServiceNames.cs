namespace Skep.Api.Swarm.Conversion;

/// <summary>Names for services that were created without one. A name that is taken is refused as any other would be.</summary>
internal static class ServiceNames
{
    private static readonly string[] First = ["amber", "brisk", "calm", "dapper", "eager", "fond", "golden", "happy", "keen", "lively", "merry", "noble", "proud", "quiet", "rapid", "sunny"];

    private static readonly string[] Second = ["bee", "bloom", "cell", "clover", "comb", "drone", "field", "garden", "heather", "hive", "honey", "meadow", "nectar", "pollen", "skep", "wing"];

    public static string Random() =>
        $"{First[System.Random.Shared.Next(First.Length)]}_{Second[System.Random.Shared.Next(Second.Length)]}{System.Random.Shared.Next(1000)}";
}
