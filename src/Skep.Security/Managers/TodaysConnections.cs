namespace Skep.Security.Managers;

/// <summary>
/// Sends every call over connections that show this skepd's present certificate. Those that were opened with an earlier one carry on
/// the streams that they have, and get no new calls: once the cluster's root has rotated those would be refused.
/// </summary>
/// <param name="certificate">This skepd's.</param>
/// <param name="open">Makes new connections.</param>
internal sealed class TodaysConnections(ManagerCertificate certificate, Func<HttpMessageHandler> open) : HttpMessageHandler
{
    private readonly Lock _opening = new();
    private readonly List<HttpMessageInvoker> _all = [];
    private object? _shown;
    private HttpMessageInvoker? _present;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Present().SendAsync(request, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_opening)
                _all.ForEach(connections => connections.Dispose());
        }
        base.Dispose(disposing);
    }

    private HttpMessageInvoker Present()
    {
        lock (_opening)
        {
            if (_present is null || !ReferenceEquals(_shown, certificate.Context))
            {
                _shown = certificate.Context;
                _present = new HttpMessageInvoker(open());
                _all.Add(_present);
            }
            return _present;
        }
    }
}
