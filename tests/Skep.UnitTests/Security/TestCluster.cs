using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Skep.Agent;
using Skep.Manager;
using Skep.Manager.Certificates;
using Skep.Rpc.Server;
using Skep.Security;
using Skep.Security.Keys;
using Skep.State;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace Skep.UnitTests.Security;

/// <summary>A cluster with one manager, whose cluster port really listens on loopback; the log is memory, the clock is the test's.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private const int MaxMessageBytes = 4 << 20;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("skep-security-");
    private readonly ILoggerFactory _loggers;
    private readonly ClusterSecurity _security;
    private readonly RpcServer _server;
    private readonly CancellationTokenSource _closing = new();
    private readonly RootChange _rootChange;
    private Task _renewing = Task.CompletedTask;

    private TestCluster()
    {
        Store = new StateStore();
        Manager = new ManagerService(new ManagerSelf("", ""), Store, new MemoryLog(this), () => [new RootRotationRule()], () => new byte[32], Time, new Logger<ManagerService>(LoggerFactory.Create(_ => { })));
        var cluster = ClusterFactory.Create(new ClusterSettings(), Time.GetUtcNow());
        using var root = RootCertificateAuthority.Load(cluster.RootCa.CaCert, cluster.RootCa.CaKey);
        Certificate = ManagerCertificate.Create(_directory.FullName, ManagerKeys.Create(_directory.FullName, default, 0), root, ClusterFactory.NewId(), cluster.Id, TimeSpan.FromDays(90), Time.GetUtcNow());
        Initial = cluster;
        _rootChange = new RootChange(Certificate, Time, Logger<RootChange>());

        _loggers = LoggerFactory.Create(logging => logging.AddProvider(Log).SetMinimumLevel(LogLevel.Information));
        _security = new ClusterSecurity(Manager, Certificate, _ => true, Time, _loggers);
        _server = _security.Serve(new IPEndPoint(IPAddress.Loopback, 0), _security.AddTo(new MethodTable())
            .Add(binder => Wire.Dispatcher.BindService(binder, new EchoDispatcher()), MaxMessageBytes)
            .Add(binder => Wire.Control.BindService(binder, new EmptyControl()), MaxMessageBytes)
            .Add(binder => Skep.Log.Transport.Raft.BindService(binder, new DeafRaft()), MaxMessageBytes));
    }

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    public StateStore Store { get; }

    public ManagerService Manager { get; }

    public ManagerCertificate Certificate { get; }

    public LogLines Log { get; } = new();

    /// <summary>What a read barrier waits for.</summary>
    public Func<Task> CatchUp { get; set; } = () => Task.CompletedTask;

    public Wire.Cluster Current => Store.Read(state => state.Cluster!);

    public string WorkerToken => Current.RootCa.JoinTokens.Worker;

    public IPEndPoint EndPoint => _server.EndPoint;

    public string Address => EndPoint.ToString();

    private Wire.Cluster Initial { get; }

    public static async Task<TestCluster> StartAsync()
    {
        var cluster = new TestCluster();
        cluster._server.Start();
        cluster.Manager.StartLeading();
        await cluster.Manager.SubmitAsync(new InitCluster(cluster.Initial, new Skep.State.Manager { Id = cluster.Certificate.Identity.NodeId, RaftId = 1, Addr = cluster.Address }));
        return cluster;
    }

    /// <summary>The manager's certificate follows the cluster's root from now on, as in skepd.</summary>
    public void KeepManagerFresh() => _renewing = new ManagerCertificateRenewal(
        Certificate, Manager, _security.Signer, Time, new Random(1), Logger<ManagerCertificateRenewal>()).RunAsync(_closing.Token);

    /// <summary>docker swarm update and docker swarm ca.</summary>
    public async Task UpdateAsync(Action<Wire.CAConfig> change)
    {
        var request = new Wire.UpdateClusterRequest { ClusterId = Current.Id, ClusterVersion = Current.Meta.Version, Spec = Current.Spec.Clone() };
        change(request.Spec.CaConfig);
        await new RootPreparation(Manager, _rootChange).CallAsync<Wire.UpdateClusterResponse>(request);
    }

    /// <summary>docker swarm ca --rotate.</summary>
    public Task RotateAsync() => UpdateAsync(ca => ca.ForceRotate++);

    /// <summary>Waits (10 s) until the state is so, while the cluster's time goes on.</summary>
    public async Task UntilAsync(Func<ClusterState, bool> condition)
    {
        for (var i = 0; i < 500 && !Store.Read(condition); i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(20);
        }
        Assert.True(Store.Read(condition));
    }

    /// <summary>A node opens a session and says whose certificate it holds, and what it trusts.</summary>
    public Task ArriveAsync(NodeCredentials node, Google.Protobuf.ByteString issuerPem, Google.Protobuf.ByteString trustedPem)
    {
        var issuer = CertificateIssuer.Of(issuerPem);
        var tls = new Wire.NodeTLSInfo { TrustRoot = trustedPem, CertIssuerSubject = issuer.Subject, CertIssuerPublicKey = issuer.PublicKey };
        return Manager.SubmitAsync(new NodeArrived(node.Identity.NodeId, new Wire.NodeDescription { Hostname = "host", TlsInfo = tls }, "10.0.0.2"));
    }

    public Task<NodeCredentials> JoinAsync(string? token = null) =>
        new NodeCertificateClient(Time).JoinAsync(Address, token ?? WorkerToken, Wire.NodeSpec.Types.Availability.Active, CancellationToken.None);

    /// <summary>A call that every node may make; answers with the node id that the server saw.</summary>
    public async Task<string> HeartbeatAsync(NodeCredentials credentials)
    {
        using var channel = ClusterChannel.ForNode(Address, credentials, Time);
        using var call = new Wire.Dispatcher.DispatcherClient(channel).HeartbeatAsync(new Wire.HeartbeatRequest());
        await call.ResponseAsync;
        return call.GetTrailers().GetValue(EchoDispatcher.NodeTrailer)!;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _renewing.ContinueWith(_ => { }, TaskScheduler.Default);
        _closing.Dispose();
        _rootChange.Dispose();
        await _server.DisposeAsync();
        _security.Dispose();
        _loggers.Dispose();
        await Manager.DisposeAsync();
        Store.Dispose();
        _directory.Delete(recursive: true);
    }

    private Logger<T> Logger<T>() => new(LoggerFactory.Create(logging => logging.AddProvider(Log)));

    /// <summary>Commits at once.</summary>
    private sealed class MemoryLog(TestCluster cluster) : IProposer, IProposalSequence
    {
        public Task ReadBarrierAsync(CancellationToken cancellation) => cluster.CatchUp();

        public IProposalSequence BeginSequence() => this;

        public Task ProposeAsync(ReadOnlyMemory<byte> entry, BatchChanges? made, CancellationToken cancellation)
        {
            cluster.Store.Apply(Batch.Parser.ParseFrom(entry.Span));
            return Task.CompletedTask;
        }
    }

    private sealed class EchoDispatcher : Wire.Dispatcher.DispatcherBase
    {
        public const string NodeTrailer = "node";

        public override Task<Wire.HeartbeatResponse> Heartbeat(Wire.HeartbeatRequest request, ServerCallContext context)
        {
            context.ResponseTrailers.Add(NodeTrailer, Wire.CallerIdentity.GetNode(context).NodeId);
            return Task.FromResult(new Wire.HeartbeatResponse { Period = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)) });
        }
    }

    private sealed class DeafRaft : Skep.Log.Transport.Raft.RaftBase
    {
        public override Task<Skep.Log.Transport.RaftReply> Send(IAsyncStreamReader<Skep.Log.Transport.RaftMessages> requestStream, ServerCallContext context) => Task.FromResult(new Skep.Log.Transport.RaftReply());
    }

    private sealed class EmptyControl : Wire.Control.ControlBase
    {
        public override Task<Wire.ListNodesResponse> ListNodes(Wire.ListNodesRequest request, ServerCallContext context) => Task.FromResult(new Wire.ListNodesResponse());
    }
}
