using System.Diagnostics;
using System.Text;

namespace Skep.EndToEnd.Lab;

/// <summary>What a program did: its exit code and all that it printed.</summary>
public sealed record CommandResult(string CommandLine, int ExitCode, string Out, string Err, TimeSpan Elapsed)
{
    /// <summary>The lines of standard output that are not empty.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The lines of both outputs, those of standard output first.</summary>
    public string[] AllLines() => (Out + Err).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Itself when the program ended with 0; else throws with all that is known.</summary>
    public CommandResult OrFail() => ExitCode == 0 ? this : throw new InvalidOperationException($"exit code {ExitCode} after {Elapsed.TotalSeconds:0.0} s: {CommandLine}\n{Err}{Out}");
}

/// <summary>Runs programs of the system with a time limit.</summary>
public static class Command
{
    /// <summary>Runs a program to its end. After <paramref name="limit"/> it is killed, with its children, and the call throws <see cref="TimeoutException"/>.</summary>
    public static async Task<CommandResult> Run(string program, IEnumerable<string> arguments, TimeSpan limit, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var line = program + " " + string.Join(' ', start.ArgumentList);
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"could not start {line}");
        StringBuilder output = new(), errors = new();
        // What a program leaves running in the background may hold the pipes open, so their end is not waited for for ever.
        var reading = Task.WhenAll(Gather(process.StandardOutput, output), Gather(process.StandardError, errors));
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input.AsMemory(), deadline.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"no end within {limit.TotalSeconds:0.#} s: {line}\n{Text(errors)}{Text(output)}");
        }
        await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(1)));
        return new CommandResult(line, process.ExitCode, Text(output), Text(errors), clock.Elapsed);
    }

    /// <summary>Runs a program that does not end by itself, and ends it once a line of its output satisfies the condition, or throws <see cref="TimeoutException"/>.</summary>
    public static async Task Follow(string program, IEnumerable<string> arguments, TimeSpan limit, Func<string, Task<bool>> until)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"could not start {program}");
        var seen = new List<string>();
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            while (await process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
            {
                seen.Add(line);
                if (await until(line)) return;
            }
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended by itself; the end of what it said:\n{string.Join('\n', seen.TakeLast(10))}");
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"waited {limit.TotalSeconds:0.#} s in vain on {program} {string.Join(' ', arguments)}; the end of what it said:\n{string.Join('\n', seen.TakeLast(10))}");
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Cuts a command line into words at white space; single quotes keep words together.</summary>
    public static IReadOnlyList<string> Words(string line)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        var quoted = false;
        foreach (var c in line)
        {
            if (c == '\'')
            {
                quoted = !quoted;
                word ??= new StringBuilder();
            }
            else if (char.IsWhiteSpace(c) && !quoted)
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
            }
            else (word ??= new StringBuilder()).Append(c);
        }
        if (quoted) throw new FormatException($"a quote is not closed in: {line}");
        if (word is not null) words.Add(word.ToString());
        return words;
    }

    private static async Task Gather(StreamReader from, StringBuilder to)
    {
        var buffer = new char[4096];
        for (int n; (n = await from.ReadAsync(buffer)) > 0;)
            lock (to) to.Append(buffer, 0, n);
    }

    private static string Text(StringBuilder from)
    {
        lock (from) return from.ToString();
    }
}
