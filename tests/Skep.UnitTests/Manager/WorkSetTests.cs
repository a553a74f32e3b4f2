using Skep.Manager;
using Xunit;

namespace Skep.UnitTests.Manager;

public sealed class WorkSetTests
{
    [Fact]
    public void Each_is_taken_once_in_the_order_of_noting_also_after_a_burst()
    {
        var set = new WorkSet<int>();
        for (var burst = 0; burst < 2; burst++)
        {
            for (var i = 0; i < 100_000; i++)
            {
                set.Add(i);
                set.Add(i / 2);
            }
            for (var i = 0; i < 100_000; i++)
                Assert.Equal(i, set.TryTake(out var taken) ? taken : -1);
            Assert.False(set.TryTake(out _));
            Assert.Equal(0, set.Count);
        }
    }
}
