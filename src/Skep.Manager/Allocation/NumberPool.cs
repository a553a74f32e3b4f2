using System.Numerics;

namespace Skep.Manager.Allocation;

/// <summary>
/// Numbers of which each is given to one at a time: addresses of a subnet, published ports, VXLAN ids. Numbers are given in
/// turn, round and round, so that one that was just freed is not given again at once (somebody may still be sending to it).
/// Numbers outside the range are given only to who asks for them by value.
/// </summary>
internal sealed class NumberPool
{
    /// <summary>Of a larger range (an IPv6 subnet) only so many are given without being asked for: 2 MB of bits.</summary>
    private const int MaxRange = 1 << 24;

    private readonly UInt128 _first;
    private readonly int _size;
    private readonly HashSet<UInt128> _outside = [];
    private ulong[] _words = [];
    private int _taken;
    private int _next;

    /// <param name="first">First number to give.</param>
    /// <param name="last">Last number to give, inclusive.</param>
    public NumberPool(UInt128 first, UInt128 last)
    {
        _first = first;
        _size = last - first >= MaxRange ? MaxRange : (int)(last - first + 1);
    }

    public bool TryTakeNext(out UInt128 number)
    {
        number = default;
        if (_taken == _size)
            return false;
        var index = FindFree(_next, _size);
        if (index < 0)
            index = FindFree(0, _next);
        Set(index);
        _next = index + 1 == _size ? 0 : index + 1;
        number = _first + (UInt128)index;
        return true;
    }

    /// <summary>False when it is taken already.</summary>
    public bool TryTake(UInt128 number)
    {
        if (!IsInside(number))
            return _outside.Add(number);
        var index = (int)(number - _first);
        if (IsTaken(index))
            return false;
        Set(index);
        return true;
    }

    public void Release(UInt128 number)
    {
        if (!IsInside(number))
        {
            _outside.Remove(number);
            return;
        }
        var index = (int)(number - _first);
        if (!IsTaken(index))
            return;
        _words[index / 64] &= ~(1UL << (index % 64));
        _taken--;
    }

    public bool IsTaken(UInt128 number) => IsInside(number) ? IsTaken((int)(number - _first)) : _outside.Contains(number);

    /// <summary>After a rebuild, when nobody knows what was given last: goes on behind the highest in use.</summary>
    public void GoOnAfterHighest()
    {
        _next = 0;
        for (var word = _words.Length - 1; word >= 0; word--)
        {
            if (_words[word] == 0)
                continue;
            _next = (word * 64) + 64 - BitOperations.LeadingZeroCount(_words[word]);
            break;
        }
        if (_next >= _size)
            _next = 0;
    }

    private bool IsInside(UInt128 number) => number >= _first && number - _first < (UInt128)_size;

    private bool IsTaken(int index) => index / 64 < _words.Length && (_words[index / 64] & (1UL << (index % 64))) != 0;

    private void Set(int index)
    {
        if (index / 64 >= _words.Length)
            Array.Resize(ref _words, Math.Max((index / 64) + 1, Math.Min(_words.Length * 2, (_size + 63) / 64)));
        _words[index / 64] |= 1UL << (index % 64);
        _taken++;
    }

    /// <summary>The first free index of [from, to); -1 when there is none.</summary>
    private int FindFree(int from, int to)
    {
        for (var index = from; index < to;)
        {
            var word = index / 64;
            if (word >= _words.Length)
                return index;
            var free = ~_words[word] & (ulong.MaxValue << (index % 64));
            if (free != 0)
            {
                var found = (word * 64) + BitOperations.TrailingZeroCount(free);
                return found < to ? found : -1;
            }
            index = (word + 1) * 64;
        }
        return -1;
    }
}
