using System.CommandLine;
using Skep.Cli;
using Skep.Cli.Plan;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>What the command line takes, and what it says to the rest.</summary>
public sealed class PlanInputTests
{
    [Theory]
    [InlineData("10/s", 10)]
    [InlineData("600/min", 10)]
    [InlineData("600/m", 10)]
    [InlineData("600", 10)]
    [InlineData("1800/h", 0.5)]
    [InlineData("86400/d", 1)]
    [InlineData("0.5/s", 0.5)]
    public void Churn_is_a_number_and_a_time(string text, double perSecond) => Assert.Equal(perSecond, Churn.Parse(text), 9);

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("10/y")]
    [InlineData("10/s/s")]
    [InlineData("1e9/s")]
    [InlineData("99999999999/s")]
    public void Anything_else_is_no_churn(string text) => Assert.Contains("--churn", Assert.Throws<CliException>(() => Churn.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Sites_are_read_from_their_links()
    {
        var sites = SitesSpec.Parse("fra-ams=8, fra-lon=14ms,ams-lon=9,lon=0.5");
        Assert.Equal(["fra", "ams", "lon"], sites.Names);
        Assert.Equal(TimeSpan.FromMilliseconds(14), sites.RoundTrip(2, 0));
        Assert.Equal(TimeSpan.FromMilliseconds(0.5), sites.RoundTrip(2, 2));
        Assert.Equal(SitesSpec.DefaultInside, sites.RoundTrip(0, 0));
        Assert.Equal(["here"], SitesSpec.Parse("here").Names);
    }

    [Theory]
    [InlineData("", "names 0 sites")]
    [InlineData("a-b=1,b-c=2", "lacks the link a-c")]
    [InlineData("a-b=1,b-a=2", "twice")]
    [InlineData("a-a=1", "with itself")]
    [InlineData("a-b=0", "no round trip")]
    [InlineData("a-b=301", "no round trip")]
    [InlineData("a-b=x", "no round trip")]
    [InlineData("a-b", "is no link")]
    [InlineData("a-b-c=1", "is no link")]
    [InlineData("a-=1", "is no link")]
    [InlineData("a,b", "lacks the link a-b")]
    [InlineData("a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1", "names 8 sites")]
    public void Sites_that_cannot_be_planned_are_refused(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<CliException>(() => SitesSpec.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("--nodes 0 --tasks 1", "--nodes 0 is not between")]
    [InlineData("--nodes 1 --tasks -1", "--tasks -1 is not between")]
    [InlineData("--nodes 1 --tasks 1 --managers 10", "neither a number up to 9")]
    [InlineData("--nodes 1 --tasks 1 --managers 4294967295+2", "neither a number up to 9")]
    [InlineData("--nodes 1 --tasks 1 --sites a-b=1 --managers 1+1+1", "but there are 2 sites: a, b")]
    [InlineData("--nodes 1 --tasks 1 --survive luck", "is none of manager")]
    [InlineData("--nodes 1 --tasks 1 --sync-ms 0", "--sync-ms 0 is not between")]
    public void Options_that_make_no_sense_are_refused(string line, string reason) =>
        Assert.Contains(reason, Assert.Throws<CliException>(() => Ask(line)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_must_be_survived_is_a_site_where_there_are_three()
    {
        Assert.Equal(FailureKind.Manager, Ask("--nodes 1 --tasks 1").MustSurvive);
        Assert.Equal(FailureKind.Manager, Ask("--nodes 1 --tasks 1 --sites a-b=1").MustSurvive);
        Assert.Equal(FailureKind.Site, Ask("--nodes 1 --tasks 1 --sites a-b=1,a-c=1,b-c=1").MustSurvive);
        Assert.Equal(FailureKind.SiteAndManager, Ask("--nodes 1 --tasks 1 --survive site+manager").MustSurvive);
    }

    private static PlanQuestion Ask(string line)
    {
        var options = new PlanOptions();
        var command = new Command("capacity") { options.Nodes, options.Tasks, options.Churn, options.Managers, options.Sites, options.Survive, options.SyncMs, options.Seed };
        return options.Read(command.Parse(line), MeasuredCosts.Load().Costs);
    }
}
