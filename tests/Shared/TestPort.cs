using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Skep.Tests;

/// <summary>Ports for what is started, stopped and started again at one address: each is this process's alone, also while nothing listens there.</summary>
/// <remarks>
/// A port that the kernel chooses is free only while one holds it: let go, it may be the next outgoing connection's. So these are of no use for outgoing
/// connections, and what keeps other test processes away from one is a name in the kernel, which ends with the process and counts, like the port, in one
/// network namespace.
/// </remarks>
internal static class TestPort
{
    private const int Lowest = 10_000;

    private static readonly Lock Gate = new();
    private static readonly List<Socket> Claims = [];
    private static readonly IEnumerator<int> Candidates = InOrder().GetEnumerator();

    /// <summary>A port that nobody listens at, and that is given to nobody else while this process lives.</summary>
    public static int Take()
    {
        lock (Gate)
        {
            while (Candidates.MoveNext())
            {
                if (Claim(Candidates.Current))
                    return Candidates.Current;
            }
        }
        throw new InvalidOperationException("no port is free for a test");
    }

    /// <summary>Those that outgoing connections get come last: some machines leave them no others.</summary>
    private static IEnumerable<int> InOrder()
    {
        var outgoing = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split().Where(word => word.Length > 0).Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToList();
        return Enumerable.Range(Lowest, IPEndPoint.MaxPort - Lowest + 1).OrderBy(port => port >= outgoing[0] && port <= outgoing[1]);
    }

    private static bool Claim(int port)
    {
        var claim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            claim.Bind(new UnixDomainSocketEndPoint($"\0skep-test-port-{port}"));
            using var listener = new TcpListener(IPAddress.Any, port);
            listener.Start();
        }
        catch (SocketException)
        {
            claim.Dispose();
            return false;
        }
        Claims.Add(claim);
        return true;
    }
}
