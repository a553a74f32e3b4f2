using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Skep.Rpc.Polling;
using Skep.Rpc.Server;

namespace Skep.UnitTests.Rpc;

/// <summary>A server on the loopback without TLS that lets everybody in and allows every call.</summary>
internal static class PlainServer
{
    public static RpcServer Start(MethodTable methods, TimeProvider? time = null)
    {
        var server = new RpcServer(new IPEndPoint(IPAddress.Loopback, 0), AdmitAsync, methods, _ => ValueTask.CompletedTask, time ?? TimeProvider.System, NullLogger.Instance);
        server.Start();
        return server;
    }

    private static Task<RpcPeer?> AdmitAsync(PolledStream bytes, CancellationToken stopping) =>
        Task.FromResult<RpcPeer?>(new RpcPeer((IPEndPoint)bytes.Socket.RemoteEndPoint!, bytes, bytes));
}
