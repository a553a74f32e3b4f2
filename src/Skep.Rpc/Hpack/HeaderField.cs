using System.Text;

namespace Skep.Rpc.Hpack;

/// <summary>A header as a table keeps it.</summary>
internal sealed record HeaderField(byte[] Name, byte[] Value)
{
    /// <summary>What HPACK counts for an entry beside its bytes (RFC 7541, section 4.1).</summary>
    private const int Overhead = 32;

    public int Size => Name.Length + Value.Length + Overhead;

    public static HeaderField Of(string name, string value = "") => new(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
}
