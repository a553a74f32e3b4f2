using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Skep.Rpc.Polling;

/// <summary>
/// The bytes of a connection, whose reader and writer go on on the thread of a <see cref="Poller"/> when the socket is ready for them: they must not block
/// it. One reader and one writer at a time. A read of no bytes waits until there is something to read.
/// </summary>
public sealed class PolledStream : Stream
{
    /// <summary>Bytes that are read in one go before others of the same thread have their turn.</summary>
    private const int MaxBurst = 1024 * 1024;

    private readonly Socket _socket;
    private readonly bool _ownsSocket;
    private readonly Poller _poller;
    private readonly int _place;
    private readonly Wakeup _reader = new(elsewhere: false);
    private readonly Wakeup _writer = new(elsewhere: false);
    private int _canRead = 1;
    private int _canWrite;
    private volatile bool _ends;
    private int _burst;
    private int _isClosed;

    /// <param name="socket">Connected, and no longer used for anything that waits.</param>
    /// <param name="ownsSocket">Whether it ends with the stream.</param>
    public PolledStream(Socket socket, bool ownsSocket = true)
        : this(socket, ownsSocket, isConnected: true)
    {
    }

    private PolledStream(Socket socket, bool ownsSocket, bool isConnected)
    {
        ArgumentNullException.ThrowIfNull(socket);
        (_socket, _ownsSocket, _canWrite) = (socket, ownsSocket, isConnected ? 1 : 0);
        _socket.Blocking = false;
        _poller = Poller.Next();
        _place = _poller.Watch(this, _socket.SafeHandle);
    }

    /// <summary>What carries the bytes.</summary>
    public Socket Socket => _socket;

    /// <summary>
    /// Whether something that the peer said has not been read yet. Who waits for it then learns nothing from the time that has passed: it is this process
    /// that is behind.
    /// </summary>
    public bool HasUnread
    {
        get
        {
            try
            {
                return _isClosed == 0 && _socket.Available > 0;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Connects a socket.</summary>
    /// <param name="socket">New; the caller's still when it fails.</param>
    /// <param name="to">The peer.</param>
    /// <param name="ownsSocket">Whether it ends with the stream.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="SocketException">There is no connection.</exception>
    public static async Task<PolledStream> ConnectAsync(Socket socket, IPEndPoint to, bool ownsSocket, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        try
        {
            socket.Connect(to);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // It is on its way.
        }
        var stream = new PolledStream(socket, ownsSocket, isConnected: false);
        try
        {
            await stream.WaitAsync(stream._writer, forRead: false, cancellation).ConfigureAwait(false);
            var error = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            return error == SocketError.Success ? stream : throw new SocketException((int)error);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The first byte that comes, which stays to be read. Null: the peer closes the connection instead.</summary>
    public async ValueTask<byte?> PeekAsync(CancellationToken cancellation)
    {
        var first = new byte[1];
        int read;
        while (!TryReceive(first, SocketFlags.Peek, out read))
            await WaitAsync(_reader, forRead: true, cancellation).ConfigureAwait(false);
        return read == 1 ? first[0] : null;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _burst > MaxBurst
        ? ReadLaterAsync(buffer, cancellationToken)
        : TryRead(buffer.Span, out var read)
        ? new ValueTask<int>(read)
        : WaitAndReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var rest = Write(buffer);
        return rest.IsEmpty ? ValueTask.CompletedTask : WaitAndWriteAsync(rest, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Bytes are not held back.</summary>
    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("it would block");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("it would block");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>The poller says so.</summary>
    internal void Ready(bool canRead, bool canWrite, bool ends)
    {
        if (ends)
            _ends = true;
        if (canRead)
        {
            _burst = 0;
            Volatile.Write(ref _canRead, 1);
            _reader.Set();
        }
        if (canWrite)
        {
            Volatile.Write(ref _canWrite, 1);
            _writer.Set();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            _poller.Forget(_place, _socket.SafeHandle);
            if (_ownsSocket)
                _socket.Dispose();
            _reader.Set();
            _writer.Set();
        }
        base.Dispose(disposing);
    }

    /// <summary>False: there is nothing to read yet.</summary>
    private bool TryRead(Span<byte> buffer, out int read)
    {
        if (!buffer.IsEmpty)
            return TryReceive(buffer, SocketFlags.None, out read);
        read = 0;
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        return Volatile.Read(ref _canRead) != 0;
    }

    private bool TryReceive(Span<byte> buffer, SocketFlags flags, out int read)
    {
        read = 0;
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        if (Volatile.Read(ref _canRead) == 0)
            return false;
        // Before the attempt: what comes during it is told again.
        Interlocked.Exchange(ref _canRead, 0);
        read = _socket.Receive(buffer, flags, out var error);
        if (error == SocketError.WouldBlock)
            return false;
        if (error != SocketError.Success)
            throw Broken(error);
        // Less than there was room for is all that there was; but of an end that came with it nothing more will be told.
        if (read == buffer.Length || _ends)
            Volatile.Write(ref _canRead, 1);
        _burst += read;
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int read;
        do
            await WaitAsync(_reader, forRead: true, cancellation).ConfigureAwait(false);
        while (!TryRead(buffer.Span, out read));
        return read;
    }

    private async ValueTask<int> ReadLaterAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        _burst = 0;
        await Task.Yield();
        return await ReadAsync(buffer, cancellation).ConfigureAwait(false);
    }

    /// <returns>What the socket did not take.</returns>
    private ReadOnlyMemory<byte> Write(ReadOnlyMemory<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        while (!bytes.IsEmpty && Volatile.Read(ref _canWrite) != 0)
        {
            Interlocked.Exchange(ref _canWrite, 0);
            var sent = _socket.Send(bytes.Span, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                break;
            if (error != SocketError.Success)
                throw Broken(error);
            Volatile.Write(ref _canWrite, 1);
            bytes = bytes[sent..];
        }
        return bytes;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAndWriteAsync(ReadOnlyMemory<byte> rest, CancellationToken cancellation)
    {
        while (!rest.IsEmpty)
        {
            await WaitAsync(_writer, forRead: false, cancellation).ConfigureAwait(false);
            rest = Write(rest);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAsync(Wakeup ready, bool forRead, CancellationToken cancellation)
    {
        using var registration = cancellation.UnsafeRegister(static wakeup => ((Wakeup)wakeup!).Set(), ready);
        var woken = ready.Arm();
        // Whatever came before it was armed woke nobody.
        if (Volatile.Read(ref forRead ? ref _canRead : ref _canWrite) != 0 || _isClosed != 0 || cancellation.IsCancellationRequested)
            ready.Set();
        await woken.ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
    }

    private static IOException Broken(SocketError error)
    {
        var cause = new SocketException((int)error);
        return new IOException(cause.Message, cause);
    }
}
