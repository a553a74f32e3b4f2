using Google.Protobuf.WellKnownTypes;

namespace Skep.State;

/// <summary>Time as the log stores it: 100 ns units since 1970, UTC.</summary>
public static class SwarmTime
{
    public static long ToLog(DateTimeOffset time) => time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;

    public static DateTimeOffset FromLog(long units) => DateTimeOffset.UnixEpoch.AddTicks(units);

    public static Timestamp ToWire(DateTimeOffset time) => Timestamp.FromDateTimeOffset(time);
}
