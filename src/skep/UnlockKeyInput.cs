using Skep.Wire;

namespace Skep.Cli;

/// <summary>The cluster's unlock key, from where other users of the host do not see it: never from the command line.</summary>
internal static class UnlockKeyInput
{
    public const string Variable = "SKEP_UNLOCK_KEY";

    /// <summary>Empty: not set.</summary>
    /// <exception cref="CliException">It is no unlock key.</exception>
    public static ReadOnlyMemory<byte> FromEnvironment() => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? Parse(text) : default;

    /// <summary>From the environment, or asked for, or a line of standard input.</summary>
    /// <exception cref="CliException">There is none, or it is no unlock key.</exception>
    public static ReadOnlyMemory<byte> Ask()
    {
        if (FromEnvironment() is { IsEmpty: false } set)
            return set;
        if (!Console.IsInputRedirected)
            Console.Error.Write("Please enter unlock key: ");
        var text = Console.IsInputRedirected ? Console.ReadLine() : ReadHidden();
        return Parse(text?.Trim() is { Length: > 0 } given
            ? given
            : throw new CliException($"it is locked with the cluster's unlock key: type it, or give it on standard input or in {Variable}"));
    }

    private static byte[] Parse(string text)
    {
        try
        {
            return UnlockKey.Parse(text);
        }
        catch (FormatException e)
        {
            throw new CliException(e.Message);
        }
    }

    private static string ReadHidden()
    {
        var text = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key != ConsoleKey.Backspace)
                text.Append(key.KeyChar);
            else if (text.Length > 0)
                text.Length--;
        }
        Console.Error.WriteLine();
        return text.ToString();
    }
}
