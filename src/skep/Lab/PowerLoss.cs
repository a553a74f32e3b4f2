namespace Skep.Cli.Lab;

/// <summary>A node is to lose its power.</summary>
/// <param name="At">Since the beginning.</param>
/// <param name="Node">Which of the fleet, from 0; the next one if this one has no power.</param>
/// <param name="IsEmpty">It returns without its containers.</param>
/// <param name="Away">Until it returns; <see cref="Timeout.InfiniteTimeSpan"/>: it does not.</param>
internal readonly record struct PowerLoss(TimeSpan At, int Node, bool IsEmpty, TimeSpan Away)
{
    /// <summary>Without end, unless none is asked for. Losses know nothing of each other, so that the times between them are exponential.</summary>
    public static IEnumerable<PowerLoss> All(TroubleOptions options, int nodes, Random random)
    {
        if (options.DeathsPerMinute <= 0)
            yield break;
        for (var at = TimeSpan.Zero; ;)
        {
            at += TimeSpan.FromMinutes(-Math.Log(1 - random.NextDouble()) / options.DeathsPerMinute);
            var node = random.Next(nodes);
            // Drawn whether they count or not, so that one option changes nothing else.
            var (empty, away) = (random.NextDouble(), random.NextDouble());
            yield return options.ReturnAfter is var (min, max)
                ? new PowerLoss(at, node, empty < options.ReturnEmpty, min + ((max - min) * away))
                : new PowerLoss(at, node, true, Timeout.InfiniteTimeSpan);
        }
    }
}
