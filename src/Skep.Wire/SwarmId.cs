using System.Buffers;
using System.Numerics;

namespace Skep.Wire;

/// <summary>SwarmKit's ids: 25 characters of base 36, from 128 bits or more of randomness.</summary>
public static class SwarmId
{
    public const int Length = 25;

    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> Digits = SearchValues.Create(Alphabet);

    /// <summary>An id from 17 or more random bytes (136 bits fill 25 base-36 digits with nothing to spare).</summary>
    public static string FromRandom(ReadOnlySpan<byte> random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(random.Length, 17);
        Span<char> id = stackalloc char[Length];
        var value = new BigInteger(random[..17], isUnsigned: true, isBigEndian: true);
        for (var i = Length - 1; i >= 0; i--)
        {
            value = BigInteger.DivRem(value, 36, out var digit);
            id[i] = Alphabet[(int)digit];
        }
        return new string(id);
    }

    public static bool IsValid(string id) => id.Length == Length && id.AsSpan().IndexOfAnyExcept(Digits) < 0;
}
