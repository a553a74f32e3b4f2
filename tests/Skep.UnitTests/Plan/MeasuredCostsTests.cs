using System.Text;
using System.Text.Json.Nodes;
using Skep.Cli;
using Skep.Cli.Plan;
using Xunit;

namespace Skep.UnitTests.Plan;

/// <summary>The file of constants: whoever edits it is told what is wrong.</summary>
public sealed class MeasuredCostsTests
{
    [Fact]
    public void Every_constant_says_where_it_comes_from() =>
        Assert.All(MeasuredCosts.Load().Costs.All.Values, cost => Assert.True(cost.From.Length > 0 && cost.Unit.Length > 0));

    /// <summary>Constants that contradict each other this much were not measured on the same machine, or a digit is missing.</summary>
    [Fact]
    public void What_is_predicted_was_measured_within_a_factor_of_five() =>
        Assert.All(MeasuredCosts.Load().Checks, check => Assert.InRange(check.OffBy(Maps.Model), 1, 5));

    [Fact]
    public void The_uncertainty_is_the_worst_check_but_never_less_than_two()
    {
        var model = Maps.Model;
        CostCheck Joins(double times) => new("joins", CheckedQuantity.JoinMs, model.Costs.JoinMs * times, "here");
        Assert.Equal(Uncertainty.OtherMachines, new Uncertainty(model, [Joins(1.2)]).Cpu);
        Assert.Equal(4, new Uncertainty(model, [Joins(1.2), Joins(0.25)]).Cpu, 9);
        Assert.Equal(Uncertainty.OtherMachines, new Uncertainty(model, [Joins(0.25)]).Memory);
    }

    [Fact]
    public void A_missing_constant_is_named() => Assert.Contains("joinMs", Refusal(json => ((JsonObject)json["costs"]!).Remove("joinMs")), StringComparison.Ordinal);

    [Fact]
    public void An_unknown_constant_is_named() => Assert.Contains("joinsMs", Refusal(json => json["costs"]!["joinsMs"] = json["costs"]!["joinMs"]!.DeepClone()), StringComparison.Ordinal);

    [Fact]
    public void A_negative_constant_is_refused() => Assert.Contains("JoinMs is -1", Refusal(json => json["costs"]!["joinMs"]!["value"] = -1), StringComparison.Ordinal);

    /// <summary>The built-in costs, changed.</summary>
    internal static MeasuredCosts With(Action<JsonNode> change)
    {
        using var file = typeof(MeasuredCosts).Assembly.GetManifestResourceStream("measured-costs.json")!;
        var json = JsonNode.Parse(file)!;
        change(json);
        using var changed = new MemoryStream(Encoding.UTF8.GetBytes(json.ToJsonString()));
        return MeasuredCosts.Read(changed);
    }

    private static string Refusal(Action<JsonNode> change) => Assert.Throws<CliException>(() => With(change)).Message;
}
