namespace Skep.State;

/// <summary>Gives one string for all that are equal: what engines say of a million tasks is some ten texts, and each comes as a string of its own.</summary>
/// <remarks>Bounded, since texts may name what is only once; it begins anew when it is full. Not thread-safe.</remarks>
internal sealed class SharedTexts
{
    private const int MaxTexts = 256;
    private const int MaxLength = 256;

    private readonly HashSet<string> _texts = [];

    public string Of(string text)
    {
        if (text.Length is 0 or > MaxLength)
            return text;
        if (_texts.TryGetValue(text, out var shared))
            return shared;
        if (_texts.Count == MaxTexts)
            _texts.Clear();
        _texts.Add(text);
        return text;
    }
}
