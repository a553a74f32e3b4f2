using System.Net;
using Microsoft.Extensions.Logging;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Skep.Api.Logging;

namespace Skep.Daemon;

/// <summary>What the command line and the configuration file say, checked and with defaults filled in.</summary>
public sealed record Options
{
    public required IReadOnlyList<ListenAddress> Hosts { get; init; }

    /// <summary>TLS files of the TCP addresses; null without --tlsverify.</summary>
    public TlsFiles? Tls { get; init; }

    public required EngineAddress Engine { get; init; }

    /// <summary>Absolute path of the folder that holds all of skepd's state.</summary>
    public required string DataDir { get; init; }

    /// <summary>Where Prometheus' /metrics is served; null: nowhere.</summary>
    public IPEndPoint? MetricsAddress { get; init; }

    public required LogLevel LogLevel { get; init; }

    public required LogFormat LogFormat { get; init; }
}

/// <param name="CaCert">PEM of the CA that signs clients.</param>
/// <param name="Cert">PEM of the server's certificate.</param>
/// <param name="Key">PEM of its private key.</param>
public sealed record TlsFiles(string CaCert, string Cert, string Key);

/// <summary>The flags or the file are wrong. The message is one line for the operator.</summary>
public sealed class OptionsException : Exception
{
    public OptionsException(string message) : base(message)
    {
    }
}
