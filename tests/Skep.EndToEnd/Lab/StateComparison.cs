using System.Diagnostics;
using System.Text.Json;

namespace Skep.EndToEnd.Lab;

/// <summary>Every manager must tell the same of everything.</summary>
public static class StateComparison
{
    private static readonly string[] Compared = ["/services", "/nodes", "/tasks", "/secrets", "/configs", "/networks?filters=%7B%22scope%22%3A%5B%22swarm%22%5D%7D"];

    /// <summary>Reads all that the API tells from each manager. What still changes (a node's state) gets the time to come to rest.</summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static async Task CompareAsync(LoneManagers managers, TimeSpan limit)
    {
        string? difference = null;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < limit; await Task.Delay(500))
        {
            difference = null;
            foreach (var path in Compared)
            {
                var all = await Task.WhenAll(managers.Names.Select(async name => ById(await managers.GetTextAsync(name, path))));
                for (var i = 1; i < all.Length; i++)
                    difference ??= Difference(path, managers.Names[0], all[0], managers.Names[i], all[i]);
            }
            if (difference is null) return;
        }
        throw new InvalidOperationException($"managers differ: {difference}");
    }

    private static string? Difference(string path, string one, Dictionary<string, string> ones, string other, Dictionary<string, string> others)
    {
        foreach (var id in ones.Keys.Union(others.Keys))
        {
            if (ones.GetValueOrDefault(id) != others.GetValueOrDefault(id))
                return $"{path} {id}: {one} says {ones.GetValueOrDefault(id) ?? "nothing"}, {other} says {others.GetValueOrDefault(id) ?? "nothing"}";
        }
        return null;
    }

    private static Dictionary<string, string> ById(string text)
    {
        using var objects = JsonDocument.Parse(text);
        return objects.RootElement.EnumerateArray().ToDictionary(o => (o.TryGetProperty("ID", out var id) ? id : o.GetProperty("Id")).GetString()!, o => o.GetRawText());
    }
}
