namespace Skep.Manager.Control;

/// <summary>
/// What an update makes of the cluster's root CA. It is worked out before the request reaches the loop (see docs/decisions/0006);
/// here is only seen to it that nothing that concerns the root passes without.
/// </summary>
internal static class RootUpdate
{
    /// <summary>The root after the update.</summary>
    /// <param name="present">The cluster, at the version for which the update was made.</param>
    /// <param name="wanted">What the spec says of the CA.</param>
    /// <param name="prepared">The root as it was worked out for this version; null when nobody did.</param>
    /// <exception cref="ControlException">OutOfSequence: the manager that took the request saw another version of the cluster.</exception>
    public static Wire.RootCA Of(Wire.Cluster present, Wire.CAConfig wanted, Wire.RootCA? prepared)
    {
        if (prepared is not null)
            return prepared;
        var isUntouched = wanted.SigningCaCert.IsEmpty && wanted.SigningCaKey.IsEmpty
            && wanted.ForceRotate == present.RootCa.LastForcedRotation
            && wanted.ExternalCas.SequenceEqual(present.Spec.CaConfig?.ExternalCas ?? []);
        return isUntouched ? present.RootCa : throw new ControlException(ControlError.OutOfSequence, "update out of sequence");
    }
}
