namespace Skep.Agent;

/// <summary>A manager as a node knows it: id (empty for an address the operator gave) and host:port.</summary>
public readonly record struct ManagerPeer(string NodeId, string Address);

/// <summary>
/// The managers that a node may turn to, each with a weight made of experience: SwarmKit's rule, smoothing and limits, so that simulated
/// engines spread over managers and move between them as stock ones do. Not thread-safe.
/// </summary>
/// <param name="random">Decides among managers, in proportion to their weights.</param>
public sealed class Remotes(Random random)
{
    /// <summary>The weight of one good experience; minus this is a bad one.</summary>
    public const int Observation = 10;

    private const double Smoothing = 0.5;
    private const double MaxWeight = 256;

    /// <summary>Keeps managers without any weight choosable, and equal among themselves.</summary>
    private const double Bias = 0.001;

    private readonly Dictionary<ManagerPeer, int> _weights = [];

    public IReadOnlyDictionary<ManagerPeer, int> Weights => _weights;

    /// <summary>Moves the manager's weight half the way to this one; a new manager begins at 0.</summary>
    public void Observe(ManagerPeer peer, int weight)
    {
        var moved = (Smoothing * Math.Clamp(weight, -MaxWeight, MaxWeight)) + ((1 - Smoothing) * _weights.GetValueOrDefault(peer));
        _weights[peer] = (int)Math.Ceiling(Math.Clamp(moved, -MaxWeight, MaxWeight));
    }

    /// <summary>The same, unless the cluster has named other managers in between.</summary>
    public void ObserveIfKnown(ManagerPeer peer, int weight)
    {
        if (_weights.ContainsKey(peer))
            Observe(peer, weight);
    }

    /// <summary>What the cluster says its managers are: these and no others.</summary>
    public void Replace(IEnumerable<(ManagerPeer Peer, int Weight)> managers)
    {
        var named = new HashSet<ManagerPeer>();
        foreach (var (peer, weight) in managers.Where(m => m.Peer.Address.Length > 0))
        {
            Observe(peer, weight);
            named.Add(peer);
        }
        foreach (var gone in _weights.Keys.Where(peer => !named.Contains(peer)).ToList())
            _weights.Remove(gone);
    }

    /// <summary>A manager by chance, in proportion to the weights; null when none is known.</summary>
    public ManagerPeer? Select()
    {
        var left = random.NextDouble() * _weights.Values.Sum(Share);
        ManagerPeer? chosen = null;
        foreach (var (peer, weight) in _weights)
        {
            chosen = peer;
            left -= Share(weight);
            if (left <= 0)
                break;
        }
        return chosen;
    }

    private static double Share(int weight) => Math.Max(weight, 0) + Bias;
}
