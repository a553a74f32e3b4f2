using Microsoft.Extensions.Logging;
using Skep.Dispatch.Leader;

namespace Skep.Dispatch;

/// <summary>
/// A manager that is cut off from the leader sends its nodes away: the leader must take them for lost, although they could reach others. If
/// there is no leader at all, they lose nothing: their tasks run on, and they come back when a manager takes them.
/// </summary>
public sealed class CutOff : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2.5);

    /// <summary>Far longer than an election, far shorter than the leader's patience with missing nodes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ILeaderLocator _locator;
    private readonly NodeSessions _sessions;
    private readonly ILogger<CutOff> _logger;
    private readonly ITimer _timer;
    private TimeSpan _alone;

    public CutOff(ILeaderLocator locator, NodeSessions sessions, TimeProvider time, ILogger<CutOff> logger)
    {
        _locator = locator;
        _sessions = sessions;
        _logger = logger;
        _timer = time.CreateTimer(_ => Look(), null, Period, Period);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        _alone = _locator.HasLeader ? TimeSpan.Zero : _alone + Period;
        if (_alone < Patience || _sessions.Count == 0)
            return;
        _logger.LogWarning("no leader can be reached for {Seconds} s: {Count} nodes are sent to other managers", _alone.TotalSeconds, _sessions.Count);
        _sessions.ReleaseAll();
    }
}
