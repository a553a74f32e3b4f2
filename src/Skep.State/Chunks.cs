namespace Skep.State;

/// <summary>An array that grows by pieces: nothing is copied, no room lies idle beyond the last piece, and none is so large that only a full collection frees it.</summary>
internal sealed class Chunks<T> where T : struct
{
    private const int Shift = 11;
    private const int Size = 1 << Shift;

    private readonly List<T[]> _chunks;

    public Chunks() => _chunks = [];

    private Chunks(Chunks<T> other) => _chunks = [.. other._chunks.Select(chunk => (T[])chunk.Clone())];

    public ref T this[int index] => ref _chunks[index >> Shift][index & (Size - 1)];

    /// <summary>Makes room for an index; what is new is zero.</summary>
    public void Reach(int index)
    {
        while (_chunks.Count <= index >> Shift)
            _chunks.Add(new T[Size]);
    }

    public Chunks<T> Clone() => new(this);
}
