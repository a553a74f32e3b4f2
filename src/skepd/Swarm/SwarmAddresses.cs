using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Skep.Api.Swarm;

namespace Skep.Daemon.Swarm;

/// <summary>Turns what --listen-addr, --advertise-addr and --data-path-addr say into addresses, by the rules and in the words of stock's daemon.</summary>
internal static class SwarmAddresses
{
    public const int DefaultPort = 2377;

    /// <summary>IP or interface, with or without port (2377).</summary>
    public static IPEndPoint Listen(string text)
    {
        var (host, port) = Split(text, DefaultPort);
        return new IPEndPoint(Resolve(host, anyAllowed: true, "listen address must be an IP address or network interface (with optional port number)"), port);
    }

    /// <summary>IP or interface, with or without port (that of the listen address); empty: the host's only address.</summary>
    public static IPEndPoint Advertise(string text, IPEndPoint listen)
    {
        if (text.Length == 0)
            return new IPEndPoint(listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any) ? OnlyAddress() : listen.Address, listen.Port);
        var (host, port) = Split(text, listen.Port);
        return new IPEndPoint(Resolve(host, anyAllowed: false, "advertise address must be a non-zero IP address or network interface (with optional port number)"), port);
    }

    /// <summary>
    /// What --listen-addr and --advertise-addr change of a manager that is there. The docker command always says where to listen: its default
    /// changes nothing.
    /// </summary>
    public static (string Listen, string Advertise) Change(string presentListen, string presentAdvertise, string listenText, string advertiseText)
    {
        var listen = Listen(listenText);
        var before = IPEndPoint.Parse(presentListen);
        if (listen.Equals(new IPEndPoint(IPAddress.Any, DefaultPort)))
            listen = before;
        var advertise = IPEndPoint.Parse(presentAdvertise);
        if (advertiseText.Length > 0)
            advertise = Advertise(advertiseText, listen);
        else if (!listen.Equals(before))
            advertise = new IPEndPoint(listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any) ? advertise.Address : listen.Address, listen.Port);
        return (listen.ToString(), advertise.ToString());
    }

    /// <summary>The host's address on the way to another one, as stock's daemon finds it when it joins.</summary>
    /// <param name="remote">host:port of a manager.</param>
    public static IPAddress Toward(string remote)
    {
        var (host, port) = Split(remote, DefaultPort);
        try
        {
            // Connecting a datagram socket sends nothing; it only chooses the route.
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(host, port);
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        }
        catch (SocketException e)
        {
            throw Invalid($"no way to {remote}: {e.Message}");
        }
    }

    /// <summary>IP or interface; empty stays empty.</summary>
    public static string DataPath(string text) =>
        text.Length == 0 ? "" : Resolve(text, anyAllowed: false, "data path address must be a non-zero IP address or network interface (without a port number)").ToString();

    private static (string Host, int Port) Split(string text, int defaultPort)
    {
        if (text.StartsWith("tcp://", StringComparison.Ordinal))
            text = text[6..];
        // IPAddress takes "[ADDR]:PORT" too, and forgets the port.
        if (!text.StartsWith('[') && IPAddress.TryParse(text, out _))
            return (text, defaultPort);
        var colon = text.LastIndexOf(':');
        if (colon < 0)
            return (text, defaultPort);
        var host = text[..colon].Trim('[', ']');
        if (!ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            throw Invalid($"could not parse listen address {text}");
        return (host.Length == 0 ? "0.0.0.0" : host, port == 0 ? defaultPort : port);
    }

    private static IPAddress Resolve(string host, bool anyAllowed, string otherwise)
    {
        if (NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(i => i.Name == host) is { } device)
            return AddressOf(device) ?? throw Invalid($"interface {host} has no usable IPv4 or IPv6 address");
        if (IPAddress.TryParse(host, out var address) && (anyAllowed || !(address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))))
            return address;
        throw Invalid(otherwise);
    }

    private static IPAddress? AddressOf(NetworkInterface device)
    {
        var addresses = device.GetIPProperties().UnicastAddresses.Select(a => a.Address).Where(a => !a.IsIPv6LinkLocal).ToList();
        var v4 = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetwork).ToList();
        if (v4.Count > 1)
            throw Invalid($"interface {device.Name} has more than one IPv4 address ({v4[0]} and {v4[1]})");
        var v6 = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6).ToList();
        if (v4.Count == 0 && v6.Count > 1)
            throw Invalid($"interface {device.Name} has more than one IPv6 address ({v6[0]} and {v6[1]})");
        return v4.FirstOrDefault() ?? v6.FirstOrDefault();
    }

    private static IPAddress OnlyAddress()
    {
        var found = (Device: "", Address: (IPAddress?)null);
        foreach (var device in NetworkInterface.GetAllNetworkInterfaces().Where(IsOfTheHost))
        {
            if (AddressOf(device) is not { } address)
                continue;
            if (found.Address is not null)
                throw Invalid($"could not choose an IP address to advertise since this system has multiple addresses on different interfaces ({found.Address} on {found.Device} and {address} on {device.Name})");
            found = (device.Name, address);
        }
        return found.Address ?? throw Invalid("could not find the system's IP address");
    }

    // Docker's own bridges and the ends of its containers are not addresses of the host.
    private static bool IsOfTheHost(NetworkInterface device) =>
        device.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
        && device.NetworkInterfaceType != NetworkInterfaceType.Loopback
        && !device.Name.StartsWith("docker", StringComparison.Ordinal)
        && !device.Name.StartsWith("br-", StringComparison.Ordinal)
        && !device.Name.StartsWith("veth", StringComparison.Ordinal);

    private static SwarmLifecycleException Invalid(string message) => new(LifecycleError.InvalidParameter, message);
}
