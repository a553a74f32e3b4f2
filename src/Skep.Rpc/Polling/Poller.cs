using System.Runtime.InteropServices;

namespace Skep.Rpc.Polling;

/// <summary>
/// A thread that waits for many sockets (Linux' epoll) and runs whoever waits for one of them until he waits again. It exists beside .NET's own because
/// that hands each event to the thread pool: a change of thread for every call of an engine, and all else that the pool runs waits behind thousands of them.
/// </summary>
internal sealed partial class Poller
{
    private const int MaxEvents = 256;

    // Of sys/epoll.h.
    private const int Add = 1;
    private const int Delete = 2;
    private const int CloseOnExec = 0x80000;
    private const uint In = 0x1;
    private const uint Out = 0x4;
    private const uint Error = 0x8;
    private const uint HangUp = 0x10;
    private const uint PeerHangUp = 0x2000;
    private const uint EdgeTriggered = 1u << 31;

    // struct epoll_event is packed on x86-64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventBytes = DataOffset + sizeof(ulong);

    private static readonly Lazy<Poller[]> Shared = new(() => [.. Enumerable.Range(0, Environment.ProcessorCount).Select(number => new Poller(number))]);
    private static uint s_next;

    private readonly Lock _lock = new();
    private readonly Stack<int> _free = [];
    private readonly int _epoll;
    private PolledStream?[] _streams = new PolledStream?[64];
    private int _used;

    private Poller(int number)
    {
        _epoll = epoll_create1(CloseOnExec);
        if (_epoll < 0)
            throw new IOException($"epoll_create1: {Marshal.GetLastPInvokeErrorMessage()}");
        new Thread(Run) { IsBackground = true, Name = $"skep-poll-{number}" }.Start();
    }

    /// <summary>One of the process' pollers, of which there are as many as processors; each in its turn.</summary>
    public static Poller Next() => Shared.Value[Interlocked.Increment(ref s_next) % (uint)Shared.Value.Length];

    /// <summary>From now on the stream is told what its socket is ready for.</summary>
    /// <returns>The stream's place here.</returns>
    /// <exception cref="IOException">The system takes no more.</exception>
    public int Watch(PolledStream stream, SafeHandle socket)
    {
        int place;
        lock (_lock)
        {
            if (!_free.TryPop(out place))
                place = _used++;
            if (place == _streams.Length)
                Array.Resize(ref _streams, 2 * place);
            _streams[place] = stream;
        }
        Span<byte> wanted = stackalloc byte[EventBytes];
        wanted.Clear();
        MemoryMarshal.Write(wanted, In | Out | PeerHangUp | EdgeTriggered);
        MemoryMarshal.Write(wanted[DataOffset..], (ulong)place);
        if (epoll_ctl(_epoll, Add, socket, ref MemoryMarshal.GetReference(wanted)) == 0)
            return place;
        var reason = Marshal.GetLastPInvokeErrorMessage();
        Free(place);
        throw new IOException($"epoll_ctl: {reason}");
    }

    /// <summary>The stream is told nothing more, except what is on its way already.</summary>
    public void Forget(int place, SafeHandle socket)
    {
        Span<byte> none = stackalloc byte[EventBytes];
        if (!socket.IsClosed)
            _ = epoll_ctl(_epoll, Delete, socket, ref MemoryMarshal.GetReference(none));
        Free(place);
    }

    private void Free(int place)
    {
        lock (_lock)
        {
            _streams[place] = null;
            _free.Push(place);
        }
    }

    private void Run()
    {
        var events = new byte[MaxEvents * EventBytes];
        while (true)
        {
            // Less than none: a signal interrupted it.
            var count = epoll_wait(_epoll, ref events[0], MaxEvents, timeout: -1);
            for (var at = 0; at < count * EventBytes; at += EventBytes)
            {
                var ready = MemoryMarshal.Read<uint>(events.AsSpan(at));
                var place = (int)MemoryMarshal.Read<ulong>(events.AsSpan(at + DataOffset));
                // What was meant for one who is gone may reach his successor, who then finds out that there is nothing.
                Volatile.Read(ref _streams)[place]?.Ready(
                    canRead: (ready & (In | Error | HangUp | PeerHangUp)) != 0,
                    canWrite: (ready & (Out | Error | HangUp)) != 0,
                    ends: (ready & (Error | HangUp | PeerHangUp)) != 0);
            }
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int epoll, int operation, SafeHandle socket, ref byte wanted);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(int epoll, ref byte events, int maxEvents, int timeout);
}
