using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
using Skep.Rpc.Server;

namespace Skep.UnitTests.Rpc;

/// <summary>A service of texts with a method of each kind; what they do is up to the test.</summary>
internal sealed class EchoService
{
    public const int MaxMessageBytes = 4 << 20;

    public static readonly Method<string, string> Unary = Define(MethodType.Unary, "Unary");
    public static readonly Method<string, string> Down = Define(MethodType.ServerStreaming, "Down");
    public static readonly Method<string, string> Up = Define(MethodType.ClientStreaming, "Up");
    public static readonly Method<string, string> Both = Define(MethodType.DuplexStreaming, "Both");

    public Func<string, ServerCallContext, Task<string>> OnUnary { get; set; } = (text, _) => Task.FromResult(text);

    public Func<string, IServerStreamWriter<string>, ServerCallContext, Task> OnDown { get; set; } = async (text, to, _) =>
    {
        foreach (var word in text.Split(' '))
            await to.WriteAsync(word);
    };

    public Func<IAsyncStreamReader<string>, ServerCallContext, Task<string>> OnUp { get; set; } = async (from, context) =>
    {
        var all = new StringBuilder();
        while (await from.MoveNext(context.CancellationToken))
            all.Append(from.Current);
        return all.ToString();
    };

    public Func<IAsyncStreamReader<string>, IServerStreamWriter<string>, ServerCallContext, Task> OnBoth { get; set; } = async (from, to, context) =>
    {
        while (await from.MoveNext(context.CancellationToken))
            await to.WriteAsync(from.Current + "!");
    };

    /// <summary>Names of tests' own happenings, in their order.</summary>
    public ConcurrentQueue<string> Seen { get; } = [];

    public RpcServer Start(TimeProvider? time = null) => PlainServer.Start(new MethodTable().Add(
        binder =>
        {
            binder.AddMethod(Unary, (request, context) => OnUnary(request, context));
            binder.AddMethod(Down, (request, to, context) => OnDown(request, to, context));
            binder.AddMethod(Up, (from, context) => OnUp(from, context));
            binder.AddMethod(Both, (from, to, context) => OnBoth(from, to, context));
        },
        MaxMessageBytes), time);

    private static Method<string, string> Define(MethodType type, string name)
    {
        var texts = Marshallers.Create(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);
        return new Method<string, string>(type, "test.Echo", name, texts, texts);
    }
}
