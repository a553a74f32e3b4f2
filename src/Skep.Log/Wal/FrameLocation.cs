namespace Skep.Log;

/// <summary>Where on disk a frame begins. Later frames have greater locations.</summary>
internal readonly record struct FrameLocation(ulong Sequence, long Offset);
