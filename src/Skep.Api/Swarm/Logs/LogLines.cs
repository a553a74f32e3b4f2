using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Skep.Api.Swarm.Logs;

/// <summary>A log message as /logs sends it: [8 bytes of frame] [timestamp] [details] line.</summary>
internal static class LogLines
{
    private const string Prefix = "com.docker.swarm.";

    /// <param name="message">The message.</param>
    /// <param name="timestamps">With its time, always nine digits of fraction.</param>
    /// <param name="details">With whose it is, and the log driver's attributes.</param>
    /// <param name="framed">With a header that tells stdout from stderr; not for tasks with a terminal.</param>
    public static byte[] Format(ServiceLogMessage message, bool timestamps, bool details, bool framed)
    {
        var text = new StringBuilder();
        if (timestamps)
            text.Append(FixedTime(message.Timestamp)).Append(' ');
        if (details)
            text.Append(Details(message)).Append(' ');
        var head = Encoding.UTF8.GetBytes(text.ToString());
        var frame = framed ? 8 : 0;
        var line = new byte[frame + head.Length + message.Data.Length];
        if (framed)
        {
            line[0] = (byte)(message.IsStderr ? 2 : 1);
            BinaryPrimitives.WriteUInt32BigEndian(line.AsSpan(4), (uint)(line.Length - frame));
        }
        head.CopyTo(line, frame);
        message.Data.CopyTo(line.AsMemory(frame + head.Length));
        return line;
    }

    /// <summary>The frame that tells the client of a failure in the middle of a stream.</summary>
    public static byte[] Failure(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var line = new byte[8 + bytes.Length];
        line[0] = 3;
        BinaryPrimitives.WriteUInt32BigEndian(line.AsSpan(4), (uint)bytes.Length);
        bytes.CopyTo(line, 8);
        return line;
    }

    private static string Details(ServiceLogMessage message)
    {
        string[] own = [Prefix + "node.id", Prefix + "service.id", Prefix + "task.id"];
        var attributes = message.Attributes.Where(a => !own.Contains(a.Key)).ToList();
        attributes.Add(new(own[0], message.NodeId));
        attributes.Add(new(own[1], message.ServiceId));
        attributes.Add(new(own[2], message.TaskId));
        return string.Join(',', attributes.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{WebUtility.UrlEncode(a.Key)}={WebUtility.UrlEncode(a.Value)}"));
    }

    private static string FixedTime(Timestamp? time)
    {
        var at = DateTimeOffset.UnixEpoch.AddSeconds(time?.Seconds ?? 0);
        return string.Create(CultureInfo.InvariantCulture, $"{at:yyyy-MM-dd'T'HH:mm:ss}.{time?.Nanos ?? 0:D9}Z");
    }
}
