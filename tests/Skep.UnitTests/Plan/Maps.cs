using Skep.Cli.Plan;

namespace Skep.UnitTests.Plan;

/// <summary>Sites that the tests share.</summary>
internal static class Maps
{
    /// <summary>Round trips of 10, 20 and 30 ms: a-b, a-c, b-c.</summary>
    public static SiteMap Triangle => SitesSpec.Parse("a-b=10,a-c=20,b-c=30");

    public static SiteMap Example => SitesSpec.Parse(SiteMap.ExampleSpec);

    public static CapacityModel Model => new(MeasuredCosts.Load());

    public static Uncertainty Uncertainty => new(Model, MeasuredCosts.Load().Checks);
}
