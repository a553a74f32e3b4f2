using System.Buffers;
using System.Buffers.Binary;

namespace Skep.Wire;

/// <summary>SwarmKit's ids: 25 characters of base 36, from 128 bits or more of randomness.</summary>
public static class SwarmId
{
    public const int Length = 25;

    private const int RandomBytes = 17;

    private const int DigitsAtATime = 5;

    private const uint DigitsAtATimeBase = 36 * 36 * 36 * 36 * 36;

    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> Digits = SearchValues.Create(Alphabet);

    /// <summary>An id from 17 or more random bytes (136 bits fill 25 base-36 digits with nothing to spare).</summary>
    public static string FromRandom(ReadOnlySpan<byte> random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(random.Length, RandomBytes);
        // One large number, which is divided by 36 five digits at a time: ids are made by the hundred thousand.
        Span<uint> number = stackalloc uint[1 + ((RandomBytes - 1) / sizeof(uint))];
        number[0] = random[0];
        for (var i = 1; i < number.Length; i++)
            number[i] = BinaryPrimitives.ReadUInt32BigEndian(random[(1 + ((i - 1) * sizeof(uint)))..]);
        Span<char> id = stackalloc char[Length];
        for (var end = Length; end > 0; end -= DigitsAtATime)
        {
            var rest = Divide(number, DigitsAtATimeBase);
            for (var i = end - 1; i >= end - DigitsAtATime; i--)
                (rest, id[i]) = (rest / 36, Alphabet[(int)(rest % 36)]);
        }
        return new string(id);
    }

    public static bool IsValid(string id) => id.Length == Length && id.AsSpan().IndexOfAnyExcept(Digits) < 0;

    private static uint Divide(Span<uint> number, uint by)
    {
        ulong rest = 0;
        foreach (ref var part in number)
        {
            rest = (rest << 32) | part;
            (part, rest) = ((uint)(rest / by), rest % by);
        }
        return (uint)rest;
    }
}
