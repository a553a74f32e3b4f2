using System.IO.Pipelines;
using System.Net.Sockets;

namespace Skep.Api.Engine;

/// <summary>
/// The raw bytes of one hijacked connection, both ways at once. The client's end of sending becomes the engine's end of input while
/// output goes on; the engine's end of output ends the whole. An end by error on either side cuts the other.
/// </summary>
/// <param name="client">The client's connection below HTTP.</param>
/// <param name="output">What the engine sends after its head.</param>
/// <param name="engine">The connection to the engine, to send on and to close for sending.</param>
/// <param name="cutClient">Ends the client's connection at once.</param>
internal sealed class HijackedStream(IDuplexPipe client, Stream output, Socket engine, Action cutClient)
{
    private const int BufferBytes = 64 << 10;

    public async Task RunAsync()
    {
        using var over = new CancellationTokenSource();
        var input = CopyInputAsync(over.Token);
        var clean = await CopyOutputAsync();
        await over.CancelAsync();
        if (!clean) cutClient();
        await input;
    }

    /// <summary>Client to engine, until the client ends it or <paramref name="over"/> fires.</summary>
    private async Task CopyInputAsync(CancellationToken over)
    {
        try
        {
            while (true)
            {
                var read = await client.Input.ReadAsync(over);
                foreach (var segment in read.Buffer)
                {
                    var rest = segment;
                    while (!rest.IsEmpty) rest = rest[await engine.SendAsync(rest, SocketFlags.None, over)..];
                }
                client.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) break;
            }
            engine.Shutdown(SocketShutdown.Send);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.Shutdown or SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            // The engine takes no more input: it may still have output, whose end ends the stream.
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            engine.Dispose(); // the client is gone: nobody is left to read the output
        }
    }

    /// <summary>Engine to client, until the engine ends it (true) or either side fails (false).</summary>
    private async Task<bool> CopyOutputAsync()
    {
        try
        {
            while (true)
            {
                var n = await output.ReadAsync(client.Output.GetMemory(BufferBytes));
                if (n == 0) return true;
                client.Output.Advance(n);
                var flushed = await client.Output.FlushAsync();
                if (flushed.IsCompleted) return false;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }
}
