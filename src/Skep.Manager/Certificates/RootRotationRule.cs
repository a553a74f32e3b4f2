using Skep.State;

namespace Skep.Manager.Certificates;

/// <summary>
/// Brings a rotation of the root CA to its end: tells nodes, some at a time, to renew their certificates, and when every node and
/// every skepd (also one that stands by) says that it holds one of the new root, makes that the root of the cluster. As SwarmKit's reconciler, nodes that
/// are down count too: they would be locked out for good. Who will not come back must be removed.
/// </summary>
public sealed class RootRotationRule : IRule
{
    /// <summary>Nodes that are told at once, so that thousands do not ask for certificates in the same second.</summary>
    public const int BatchSize = 30;

    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    private readonly HashSet<string> _nodes = [];
    private readonly HashSet<string> _managers = [];
    private CertificateIssuer? _issuer;
    private bool _isStale;

    public bool HasWork => _isStale || IsComplete;

    public DateTimeOffset? NextDue { get; private set; }

    private bool IsComplete => _issuer is not null && _nodes.Count == 0 && _managers.Count == 0;

    public void Rebuild(ClusterState state, DateTimeOffset now)
    {
        _isStale = false;
        _nodes.Clear();
        _managers.Clear();
        _issuer = state.Cluster?.RootCa is { RootRotation: not null } root ? CertificateIssuer.Of(root) : null;
        NextDue = _issuer is null ? null : now;
        if (_issuer is null)
            return;
        foreach (var node in state.Nodes.Values)
            Look(_nodes, node.Id, node.Description?.TlsInfo);
        foreach (var manager in state.Managers.Values)
            Look(_managers, manager.Id, manager.TlsInfo);
    }

    public void Note(Change change)
    {
        switch (change)
        {
            case ClusterChange { Old: var old, New: var cluster }:
                // Another rotation may take the place of one that has not ended.
                _isStale |= !Equals(old?.RootCa?.RootRotation?.CaCert, cluster.RootCa?.RootRotation?.CaCert);
                break;
            case NodeChange { New: { } node }:
                Look(_nodes, node.Id, node.Description?.TlsInfo);
                break;
            case NodeChange { Old: { } gone }:
                _nodes.Remove(gone.Id);
                break;
            case ManagerChange { New: { } manager }:
                Look(_managers, manager.Id, manager.TlsInfo);
                break;
            case ManagerChange { Old: { } gone }:
                _managers.Remove(gone.Id);
                break;
        }
    }

    public void Run(Turn turn)
    {
        if (_isStale)
            Rebuild(turn.State, turn.Now);
        if (IsComplete)
            Finish(turn);
        else if (NextDue <= turn.Now)
            TellNodes(turn);
    }

    private void Look(HashSet<string> waiting, string id, Wire.NodeTLSInfo? says)
    {
        if (_issuer is null || _issuer.HasIssued(says))
            waiting.Remove(id);
        else
            waiting.Add(id);
    }

    private void TellNodes(Turn turn)
    {
        NextDue = turn.Now + Interval;
        foreach (var node in _nodes.Select(id => turn.State.Nodes[id]).Where(MustBeTold).Take(BatchSize).ToList())
        {
            var told = node.Clone();
            told.Certificate.Status.State = Wire.IssuanceStatus.Types.State.Rotate;
            turn.Emit(new Mutation { PutNode = new PutNode { Node = told } });
        }
    }

    /// <summary>Not who was told already. A host without an engine has no certificate: its manager watches the root itself.</summary>
    private static bool MustBeTold(Wire.Node node) => node.Certificate?.Status is { } status
        && status.State is not (Wire.IssuanceStatus.Types.State.Renew or Wire.IssuanceStatus.Types.State.Pending or Wire.IssuanceStatus.Types.State.Rotate);

    private void Finish(Turn turn)
    {
        var cluster = turn.State.Cluster!.Clone();
        var rotation = cluster.RootCa.RootRotation;
        cluster.RootCa = new Wire.RootCA
        {
            CaCert = rotation.CaCert,
            CaKey = rotation.CaKey,
            CaCertHash = ClusterRoot.HashOf(rotation.CaCert),
            JoinTokens = new Wire.JoinTokens
            {
                Worker = ClusterRoot.NewJoinToken(turn, rotation.CaCert),
                Manager = ClusterRoot.NewJoinToken(turn, rotation.CaCert),
            },
            LastForcedRotation = cluster.RootCa.LastForcedRotation,
        };
        turn.Emit(new Mutation { PutCluster = new PutCluster { Cluster = cluster } });
        Rebuild(turn.State, turn.Now);
    }
}
