using CsCheck;
using Skep.Manager.Allocation;
using Xunit;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class NumberPoolTests
{
    [Fact]
    public void Gives_numbers_in_turn_and_not_the_one_just_freed()
    {
        var pool = new NumberPool(10, 13);
        Assert.Equal([10, 11], Take(pool, 2));
        pool.Release(10);
        Assert.Equal([12, 13, 10], Take(pool, 3));
        Assert.False(pool.TryTakeNext(out _));
    }

    [Fact]
    public void A_number_outside_the_range_is_given_only_by_value()
    {
        var pool = new NumberPool(10, 11);
        Assert.True(pool.TryTake(80));
        Assert.False(pool.TryTake(80));
        Assert.Equal([10, 11], Take(pool, 2));
        pool.Release(80);
        Assert.True(pool.TryTake(80));
    }

    [Fact]
    public void After_a_rebuild_it_goes_on_behind_the_highest()
    {
        var pool = new NumberPool(0, 200);
        pool.TryTake(3);
        pool.TryTake(130);
        pool.GoOnAfterHighest();
        Assert.Equal([131], Take(pool, 1));
    }

    [Fact]
    public void Behaves_like_a_set() =>
        Gen.Select(Gen.Int[1, 200], Gen.Int[0, 399].Array[0, 600]).Sample((size, steps) =>
        {
            var pool = new NumberPool(1_000, 1_000 + (UInt128)(size - 1));
            var model = new HashSet<int>();
            foreach (var step in steps)
            {
                var number = 1_000 + (step % size);
                switch (step % 4)
                {
                    case 0:
                        Assert.Equal(model.Add(number), pool.TryTake((UInt128)number));
                        break;
                    case 1:
                        model.Remove(number);
                        pool.Release((UInt128)number);
                        break;
                    default:
                        Assert.Equal(model.Count < size, pool.TryTakeNext(out var next));
                        if (model.Count < size)
                            Assert.True((int)next >= 1_000 && (int)next < 1_000 + size && model.Add((int)next));
                        break;
                }
                Assert.Equal(model.Contains(number), pool.IsTaken((UInt128)number));
            }
        });

    private static int[] Take(NumberPool pool, int count) => [.. Enumerable.Range(0, count).Select(_ => pool.TryTakeNext(out var n) ? (int)n : -1)];
}
