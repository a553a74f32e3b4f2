using System.Numerics;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

public sealed class SwarmIdTests
{
    [Fact]
    public void An_id_is_the_random_number_in_base_36()
    {
        var random = new byte[17];
        for (var seed = 0; seed < 1000; seed++)
        {
            new Random(seed).NextBytes(random);
            Assert.Equal(BaseOf36(random), SwarmId.FromRandom(random));
        }
    }

    [Fact]
    public void The_least_and_the_greatest_have_all_their_digits()
    {
        Assert.Equal(new string('0', SwarmId.Length), SwarmId.FromRandom(new byte[17]));
        byte[] greatest = [.. Enumerable.Repeat((byte)255, 17)];
        Assert.Equal(BaseOf36(greatest), SwarmId.FromRandom(greatest));
    }

    [Fact]
    public void Too_little_randomness_makes_no_id() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SwarmId.FromRandom(new byte[16]));

    private static string BaseOf36(byte[] random)
    {
        var number = new BigInteger(random, isUnsigned: true, isBigEndian: true);
        var digits = new char[SwarmId.Length];
        for (var i = digits.Length - 1; i >= 0; i--)
        {
            number = BigInteger.DivRem(number, 36, out var digit);
            digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[(int)digit];
        }
        return new string(digits);
    }
}
