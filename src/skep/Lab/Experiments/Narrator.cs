using System.Globalization;

namespace Skep.Cli.Lab.Experiments;

/// <summary>Tells what happens as it happens, one row each: seconds since the beginning, what, figures.</summary>
/// <param name="output">Where to.</param>
/// <param name="clock">Seconds since the beginning.</param>
internal sealed class Narrator(TextWriter output, Func<double> clock)
{
    private readonly Lock _lock = new();

    public void Head(string title)
    {
        lock (_lock)
        {
            output.WriteLine(title);
            output.WriteLine();
            output.WriteLine("      s  step                           figures");
            output.WriteLine("-------  -----------------------------  ------------------------------------------------");
        }
    }

    public void Say(string step, string figures = "")
    {
        lock (_lock)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock(),7:0.0}  {step,-29}  {figures}").TrimEnd());
        }
    }

    /// <summary>Text as it is.</summary>
    public void Print(string text)
    {
        lock (_lock)
            output.WriteLine(text);
    }
}
