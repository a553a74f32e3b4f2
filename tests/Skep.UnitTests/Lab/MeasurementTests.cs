using Skep.Cli.Lab.Experiments;
using Xunit;

namespace Skep.UnitTests.Lab;

public sealed class MeasurementTests
{
    [Fact]
    public void A_metric_is_found_by_its_whole_name()
    {
        const string Text = "# HELP skep_log_x Bytes.\n# TYPE skep_log_x counter\nskep_log_x_total 5\nskep_log_x 1.5e+03\nskep_log_y{kind=\"join\"} 7\n";
        Assert.Equal(1500, SkepdManager.Value(Text, "skep_log_x"));
        Assert.Equal(5, SkepdManager.Value(Text, "skep_log_x_total"));
        Assert.Equal(0, SkepdManager.Value(Text, "skep_log_y"));
        Assert.Equal(0, SkepdManager.Value("", "skep_log_x"));
    }

    [Fact]
    public void Costs_add_up_but_for_the_peak_of_memory() =>
        Assert.Equal(new ManagerCosts(3, 20, 30, 4), new ManagerCosts(1, 20, 10, 4) + new ManagerCosts(2, 15, 20, 0));

    [Fact]
    public void The_agents_report_is_read_even_when_younger_ones_say_less()
    {
        var report = AgentsReport.Parse("""
            {"joined":2,"join_s":0.5,"tasks":{"running":3},"late_heartbeats":1,"elapsed_s":4.5,"unknown":[],
             "timeline":[{"t":1,"states":{"starting":3}},{"t":2,"states":{"running":3}}]}
            """);
        Assert.Equal((2, 0.5, 1, 0, 4.5), (report.Joined, report.JoinSeconds, report.LateHeartbeats, report.Reconnects, report.Elapsed));
        Assert.Equal(3, report.Tasks["running"]);
        Assert.Equal([new Point(1, 3), new Point(2, 0)], report.Samples["starting"]);
        Assert.Equal([new Point(1, 0), new Point(2, 3)], report.Samples["running"]);
        Assert.Equal(0, AgentsReport.Parse("{}").Joined);
    }
}
