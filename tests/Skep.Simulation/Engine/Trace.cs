using System.IO.Hashing;
using System.Text;

namespace Skep.Simulation.Engine;

/// <summary>What happened in a run, as a hash that two runs of one seed must share, and on demand as text.</summary>
internal sealed class Trace(EventLoop loop, TextWriter? text)
{
    private readonly XxHash3 _hash = new();

    public ulong Hash => _hash.GetCurrentHashAsUInt64();

    public bool IsWritten => text is not null;

    public void Note(string what)
    {
        _hash.Append(BitConverter.GetBytes(loop.Ticks));
        _hash.Append(Encoding.UTF8.GetBytes(what));
        Write(what);
    }

    /// <summary>For the reader alone.</summary>
    public void Write(string what) => text?.WriteLine($"{loop.Now.TotalSeconds,12:0.000000} {what}");
}
