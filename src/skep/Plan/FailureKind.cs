namespace Skep.Cli.Plan;

/// <summary>What may fail at once. A site that is cut off from all others counts as failed: its managers cannot take part.</summary>
internal enum FailureKind
{
    /// <summary>Any one manager.</summary>
    Manager,

    /// <summary>Any two managers.</summary>
    TwoManagers,

    /// <summary>Any one site with all its managers.</summary>
    Site,

    /// <summary>Any one site, and any one manager elsewhere.</summary>
    SiteAndManager,

    /// <summary>Any two sites.</summary>
    TwoSites,
}
