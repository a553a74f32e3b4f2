namespace Skep.Cli.Plan;

/// <summary>Datacenters ("sites") and the round trips between them.</summary>
internal sealed class SiteMap
{
    private readonly TimeSpan[,] _roundTrips;

    /// <param name="roundTrips">Between any two sites, and on the diagonal between two machines of one; symmetric.</param>
    public SiteMap(IReadOnlyList<string> names, TimeSpan[,] roundTrips) => (Names, _roundTrips) = (names, roundTrips);

    /// <summary>In the order in which they were first named; at least one.</summary>
    public IReadOnlyList<string> Names { get; }

    public int Count => Names.Count;

    /// <summary>There and back between a machine of one site and one of another (or the same).</summary>
    public TimeSpan RoundTrip(int from, int to) => _roundTrips[from, to];

    /// <summary>What the planner shows when no links are given: three European datacenters and one overseas. An example, no measurement.</summary>
    public static string ExampleSpec => "fra-ams=8,fra-lon=14,ams-lon=9,fra-nyc=84,ams-nyc=80,lon-nyc=72";
}
