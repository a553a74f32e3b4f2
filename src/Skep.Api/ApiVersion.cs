using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Skep.Api;

/// <summary>A version of the Docker Engine API, such as 1.41. Compared number by number, not as text.</summary>
public readonly record struct ApiVersion(int Major, int Minor) : IComparable<ApiVersion>
{
    public int CompareTo(ApiVersion other) => (Major, Minor).CompareTo((other.Major, other.Minor));

    public static bool operator <(ApiVersion a, ApiVersion b) => a.CompareTo(b) < 0;
    public static bool operator >(ApiVersion a, ApiVersion b) => a.CompareTo(b) > 0;
    public static bool operator <=(ApiVersion a, ApiVersion b) => a.CompareTo(b) <= 0;
    public static bool operator >=(ApiVersion a, ApiVersion b) => a.CompareTo(b) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}");

    /// <summary>Reads "1.41". Anything but two numbers of at most four digits with one dot is not a version.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ApiVersion version)
    {
        version = default;
        var dot = text.IndexOf('.');
        if (dot is < 1 or > 4 || text.Length - dot - 1 is < 1 or > 4) return false;
        if (!int.TryParse(text[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var major)) return false;
        if (!int.TryParse(text[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)) return false;
        version = new ApiVersion(major, minor);
        return true;
    }

    /// <summary>
    /// Takes the version prefix off a request path: "/v1.41/info" is version 1.41 and "/info".
    /// A path without one keeps its form ("/info", "/version", "/volumes").
    /// </summary>
    public static bool TrySplit(string path, out ApiVersion version, [NotNullWhen(true)] out string? rest)
    {
        version = default;
        rest = null;
        if (path.Length < 4 || path[0] != '/' || path[1] != 'v') return false;
        var slash = path.IndexOf('/', 2);
        if (slash < 0 || !TryParse(path.AsSpan(2, slash - 2), out version)) return false;
        rest = path[slash..];
        return true;
    }
}

/// <summary>What an engine speaks: requests outside are refused with the words stock engines use.</summary>
public readonly record struct ApiVersionRange(ApiVersion Min, ApiVersion Max)
{
    /// <summary>What skepd speaks where no engine says otherwise: the API of Docker Engine 20.10.</summary>
    public static readonly ApiVersionRange WithoutEngine = new(new ApiVersion(1, 24), new ApiVersion(1, 41));

    /// <exception cref="ApiException">400 when the client's version is too old or too new.</exception>
    public void Check(ApiVersion client)
    {
        if (client < Min)
            throw new ApiException(400, $"client version {client} is too old. Minimum supported API version is {Min}, please upgrade your client to a newer version");
        if (client > Max)
            throw new ApiException(400, $"client version {client} is too new. Maximum supported API version is {Max}");
    }
}
