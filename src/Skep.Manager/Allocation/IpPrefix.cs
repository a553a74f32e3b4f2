using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace Skep.Manager.Allocation;

/// <summary>A subnet in CIDR notation, IPv4 or IPv6, with addresses as numbers so that they can be counted.</summary>
/// <param name="IsV6">IPv6.</param>
/// <param name="First">Its lowest address, host bits zero.</param>
/// <param name="Bits">Length of the prefix.</param>
internal readonly record struct IpPrefix(bool IsV6, UInt128 First, int Bits)
{
    public UInt128 Last => First + (Size - 1);

    /// <summary>Number of addresses; one too few for ::/0, which nobody can want.</summary>
    public UInt128 Size => HostBits >= 128 ? UInt128.MaxValue : UInt128.One << HostBits;

    private int HostBits => (IsV6 ? 128 : 32) - Bits;

    /// <summary>Host bits are dropped: 10.0.1.5/24 is 10.0.1.0/24.</summary>
    public static bool TryParse(string text, out IpPrefix prefix) => TryParse(text, out prefix, out _);

    /// <param name="text">As 10.0.1.5/24.</param>
    /// <param name="prefix">10.0.1.0/24.</param>
    /// <param name="address">10.0.1.5.</param>
    public static bool TryParse(string text, out IpPrefix prefix, out UInt128 address)
    {
        prefix = default;
        address = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !TryParseAddress(text[..slash], out var isV6, out address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits) || bits > (isV6 ? 128 : 32))
            return false;
        prefix = Containing(isV6, address, bits);
        return true;
    }

    public static bool TryParseAddress(string text, out bool isV6, out UInt128 address)
    {
        isV6 = text.Contains(':', StringComparison.Ordinal);
        address = default;
        // IPAddress alone would take "10.1" for 10.0.0.1.
        if (!IPAddress.TryParse(text, out var parsed) || (!isV6 && text.Count(c => c == '.') != 3))
            return false;
        address = isV6 ? BinaryPrimitives.ReadUInt128BigEndian(parsed.GetAddressBytes()) : BinaryPrimitives.ReadUInt32BigEndian(parsed.GetAddressBytes());
        return true;
    }

    /// <summary>The prefix of a length that contains an address.</summary>
    public static IpPrefix Containing(bool isV6, UInt128 address, int bits)
    {
        var hostBits = (isV6 ? 128 : 32) - bits;
        return new IpPrefix(isV6, hostBits >= 128 ? UInt128.Zero : address >> hostBits << hostBits, bits);
    }

    public bool Contains(UInt128 address) => address >= First && address <= Last;

    public bool Overlaps(IpPrefix other) => IsV6 == other.IsV6 && First <= other.Last && other.First <= Last;

    /// <summary>An address with this prefix's length, as engines expect it: 10.0.1.5/24.</summary>
    public string WithLength(UInt128 address) => $"{Text(address)}/{Bits}";

    public string Text(UInt128 address)
    {
        if (!IsV6)
            return string.Create(CultureInfo.InvariantCulture, $"{(byte)(address >> 24)}.{(byte)(address >> 16)}.{(byte)(address >> 8)}.{(byte)address}");
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        return new IPAddress(bytes).ToString();
    }

    public override string ToString() => WithLength(First);
}
