namespace Skep.State;

/// <summary>Finds places of an array by the hash of what lies there: 12 to 16 bytes for each, where a dictionary takes 28 to 56 and holds the key as well.</summary>
/// <remarks>
/// Whoever asks goes through the places of a hash, <see cref="First"/> and <see cref="Next"/>, and looks which is meant. Hashes are kept, so that a copy
/// and a growing table hash nothing anew.
/// </remarks>
internal sealed class PlaceIndex
{
    private const int None = -1;

    private int[] _buckets; // the first place of each, counted from 1; 0: none
    private readonly Chunks<Link> _links; // by place
    private int _count;

    public PlaceIndex() => (_buckets, _links) = (new int[16], new Chunks<Link>());

    private PlaceIndex(PlaceIndex other) => (_buckets, _links, _count) = ([.. other._buckets], other._links.Clone(), other._count);

    public int Count => _count;

    public PlaceIndex Clone() => new(this);

    /// <summary>The first place of a hash, or -1.</summary>
    public int First(int hash) => FirstOf(hash, _buckets[Bucket(hash)] - 1);

    /// <summary>The next place of the same hash, or -1.</summary>
    public int Next(int place) => FirstOf(_links[place].Hash, _links[place].Next - 1);

    /// <summary>Adds a place that is not in it.</summary>
    public void Add(int hash, int place)
    {
        if (_count == _buckets.Length)
            Grow();
        _links.Reach(place);
        _count++;
        _links[place].Hash = hash;
        Chain(place);
    }

    /// <summary>Takes out a place that is in it.</summary>
    public void Remove(int place)
    {
        ref var link = ref _buckets[Bucket(_links[place].Hash)];
        while (link != place + 1)
            link = ref _links[link - 1].Next;
        link = _links[place].Next;
        _count--;
    }

    private int FirstOf(int hash, int place)
    {
        while (place != None && _links[place].Hash != hash)
            place = _links[place].Next - 1;
        return place;
    }

    private void Grow()
    {
        var old = _buckets;
        _buckets = new int[2 * old.Length];
        foreach (var first in old)
        {
            for (var at = first; at != 0;)
            {
                var place = at - 1;
                at = _links[place].Next;
                Chain(place);
            }
        }
    }

    private void Chain(int place)
    {
        ref var bucket = ref _buckets[Bucket(_links[place].Hash)];
        _links[place].Next = bucket;
        bucket = place + 1;
    }

    // Spread by a multiplication, since the hash of a number is the number.
    private int Bucket(int hash) => (int)((unchecked((uint)hash * 2654435769u) * (ulong)_buckets.Length) >> 32);

    private struct Link
    {
        public int Hash;

        /// <summary>Counted from 1; 0: none.</summary>
        public int Next;
    }
}
