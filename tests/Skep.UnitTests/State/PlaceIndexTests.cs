using Skep.State;
using Xunit;

namespace Skep.UnitTests.State;

public sealed class PlaceIndexTests
{
    [Theory]
    [InlineData(1, 4)] // nearly all places have the same few hashes
    [InlineData(2, 1_000)]
    [InlineData(3, int.MaxValue)]
    public void It_finds_what_was_added_and_not_taken_out(int seed, int hashes)
    {
        var random = new Random(seed);
        var model = new Dictionary<int, int>(); // hash by place
        var index = new PlaceIndex();
        for (var step = 0; step < 5_000; step++)
        {
            var place = random.Next(6_000);
            if (model.Remove(place))
            {
                index.Remove(place);
            }
            else
            {
                model.Add(place, random.Next(hashes));
                index.Add(model[place], place);
            }
            if (step % 500 == 0)
                index = index.Clone();
        }
        Assert.Equal(model.Count, index.Count);
        foreach (var same in model.GroupBy(pair => pair.Value, pair => pair.Key))
            Assert.Equal(same.Order(), Places(index, same.Key).Order());
    }

    [Fact]
    public void A_copy_goes_its_own_way()
    {
        var index = new PlaceIndex();
        index.Add(7, 0);
        var copy = index.Clone();
        index.Remove(0);
        copy.Add(7, 1);
        Assert.Empty(Places(index, 7));
        Assert.Equal([0, 1], Places(copy, 7).Order());
    }

    private static IEnumerable<int> Places(PlaceIndex index, int hash)
    {
        for (var place = index.First(hash); place >= 0; place = index.Next(place))
            yield return place;
    }
}
