using Skep.Log;
using Skep.Raft;

namespace Skep.Simulation.Managers;

/// <summary>A member's snapshots: written while it goes on, and sent to others, which takes time and may fail.</summary>
internal sealed class SnapshotTransfer(World world, ManagerHost host, ManagerProcess process)
{
    private static readonly TimeSpan WriteTime = TimeSpan.FromMilliseconds(50);

    public void WriteInBackground(SnapshotMetadata metadata, ISnapshotWriter captured) =>
        world.Loop.After(WriteTime * host.Random.NextDouble(), () =>
        {
            if (!process.IsAlive)
                return;
            Exception? failure = null;
            process.Thread.Guard(() =>
            {
                try
                {
                    using (captured)
                        process.Log.WriteSnapshot(metadata, captured.WriteTo, CancellationToken.None);
                }
                catch (IOException e)
                {
                    failure = e;
                }
            });
            process.Thread.Post(() => process.Loop.SnapshotFinished(metadata, failure));
        });

    public void Send(ManagerHost to, Message message)
    {
        var content = new MemoryStream();
        SnapshotMetadata? metadata = null;
        process.Thread.Guard(() =>
        {
            metadata = process.Log.Snapshot;
            using var snapshot = process.Log.OpenSnapshot(metadata);
            snapshot.CopyTo(content);
        });
        if (metadata is null)
            return;
        var sent = message with { Snapshot = metadata };
        world.Faults.Add("snapshots sent");
        var arrives = world.Network.Send(host.Number, to.Number, () => Arrive(to, sent, content.ToArray()));
        // One of both is always reported; when it got lost on the way, after some time.
        world.Loop.After(TimeSpan.FromSeconds(arrives ? 5 : 0.5), () => Report(to, succeeded: false));
    }

    private void Arrive(ManagerHost to, Message message, byte[] content)
    {
        if (to.Process is not { } receiver || to.RaftId != message.To)
            return;
        receiver.Thread.Post(() =>
        {
            receiver.Log.ReceiveSnapshot(message.Snapshot!, stream => stream.Write(content), CancellationToken.None);
            receiver.Loop.StepSnapshot(message);
        });
        world.Loop.After(world.Network.NextDelay(), () => Report(to, succeeded: true));
    }

    private void Report(ManagerHost to, bool succeeded)
    {
        if (process.IsAlive)
            process.Thread.Post(() => process.Loop.ReportSnapshot(to.RaftId, succeeded));
    }
}
