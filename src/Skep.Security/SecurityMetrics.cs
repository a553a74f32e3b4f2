using Prometheus;

namespace Skep.Security;

/// <summary>Security's figures. Names: docs/metrics.md.</summary>
internal static class SecurityMetrics
{
    public static readonly Counter Refusals = Metrics.CreateCounter("skep_security_refusals_total", "What was refused on the cluster port, by kind: connection, call, certificate.", "kind");

    public static readonly Counter Certificates = Metrics.CreateCounter("skep_security_certificates_issued_total", "Node certificates issued, by kind: join, renewal.", "kind");
}
