namespace Skep.Raft;

/// <summary>The one rule for cutting a run of entries by bytes: at least one, and no more than fit.</summary>
internal static class EntryRange
{
    public static Entry[] Cut(List<Entry> entries, int start, int count, ulong maxBytes)
    {
        var size = 0UL;
        var taken = 0;
        while (taken < count)
        {
            size += entries[start + taken].Size;
            if (taken > 0 && size > maxBytes)
                break;
            taken++;
        }
        return taken == 0 ? [] : [.. entries.GetRange(start, taken)];
    }
}
