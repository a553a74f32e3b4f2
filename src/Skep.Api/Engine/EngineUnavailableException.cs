namespace Skep.Api.Engine;

/// <summary>The local engine cannot be asked: it is down, or this host has none. Answered as 503.</summary>
public sealed class EngineUnavailableException : ApiException
{
    public EngineUnavailableException(EngineAddress address, Exception? cause = null) : base(503, Text(address), cause)
    {
    }

    private static string Text(EngineAddress address) => address.SocketPath is null
        ? "There is no Docker Engine on this host (skepd runs with --engine none): only swarm commands work here. Use a host with an engine for containers, images, volumes and local networks."
        : $"Cannot connect to the Docker daemon at {address}. Is the docker daemon running?";
}
