using System.Globalization;
using Microsoft.Extensions.Logging;
using Skep.Raft;

namespace Skep.Log;

/// <summary>
/// The snapshot files of one member. A file gets its name only when it is complete and synced, so whatever bears a snapshot's name was whole once:
/// damage of it is never a torn write. Writing may run on another thread than everything else, one at a time.
/// </summary>
internal sealed class SnapshotStore(IFileSystem files, string directory, CipherRing ciphers, Func<ulong> newFileId, ILogger logger)
{
    private const string Extension = ".snap";
    private const string TemporaryExtension = ".tmp";

    /// <summary>Removes what an interrupted writer has left, and makes durable the names that are seen, which may not be so after a killed process.</summary>
    public void Prepare()
    {
        files.CreateDirectory(directory);
        foreach (var name in files.List(directory).Where(n => n.EndsWith(TemporaryExtension, StringComparison.Ordinal)))
            files.Delete(Path.Combine(directory, name));
        files.SyncDirectory(directory);
    }

    /// <summary>Index and term of every snapshot, newest first, by their names.</summary>
    public IReadOnlyList<LogBase> List()
    {
        List<LogBase> found = [];
        foreach (var name in files.List(directory))
        {
            if (name.Length == 33 + Extension.Length && name.EndsWith(Extension, StringComparison.Ordinal) && name[16] == '-'
                && ulong.TryParse(name.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, null, out var index)
                && ulong.TryParse(name.AsSpan(17, 16), NumberStyles.AllowHexSpecifier, null, out var term))
            {
                found.Add(new LogBase(index, term));
            }
        }
        return [.. found.OrderByDescending(f => f.Index).ThenByDescending(f => f.Term)];
    }

    public string PathOf(LogBase snapshot) => Path.Combine(directory, $"{snapshot.Index:x16}-{snapshot.Term:x16}{Extension}");

    public long Length(LogBase snapshot)
    {
        using var file = files.Open(PathOf(snapshot));
        return file.Length;
    }

    /// <summary>Writes a snapshot; when this returns it is durable under its name.</summary>
    /// <returns>Its size on disk in bytes.</returns>
    /// <exception cref="IOException">It could not be written; nothing of it remains under its name.</exception>
    public long Write(SnapshotMetadata metadata, bool received, Action<Stream> writeContent, CancellationToken cancellation)
    {
        var path = PathOf(new LogBase(metadata.Index, metadata.Term));
        var temporary = path + TemporaryExtension;
        var cipher = ciphers.Write; // the ring may change meanwhile
        var header = new SnapshotHeader(metadata, newFileId(), cipher.Scheme, cipher.KeyId, received);
        long length;
        files.Delete(temporary);
        using (var file = files.Create(temporary))
        {
            try
            {
                using var stream = new SnapshotWriteStream(file, header, cipher, cancellation);
                writeContent(stream);
                stream.Complete();
                length = stream.FileLength;
            }
            catch
            {
                DeleteQuietly(temporary); // a full disk needs the space
                throw;
            }
        }
        files.Rename(temporary, path);
        files.SyncDirectory(directory);
        LogMetrics.SnapshotBytes.Set(length);
        return length;
    }

    /// <summary>
    /// Writes the newest snapshots anew that another cipher than the present one sealed, each in one step. A damaged one could
    /// not be used anyway, and is deleted.
    /// </summary>
    public void Reseal(int count, CancellationToken cancellation)
    {
        foreach (var snapshot in List().Take(count))
        {
            try
            {
                using var content = Open(snapshot);
                if (!IsCurrent(content.Header))
                    Write(content.Header.Metadata, content.Header.Received, content.CopyTo, cancellation);
            }
            catch (LogCorruptException e)
            {
                logger.LogWarning("log: an old snapshot is deleted, since it is no use: {Damage}", e.Message);
                Delete(snapshot);
            }
        }
    }

    /// <summary>Every snapshot is sealed with the present cipher.</summary>
    public bool AllCurrent()
    {
        foreach (var snapshot in List())
        {
            using var file = files.Open(PathOf(snapshot));
            try
            {
                if (!IsCurrent(SnapshotHeader.Read(file).Header))
                    return false;
            }
            catch (LogCorruptException)
            {
                return false; // not known, so its key stays
            }
        }
        return true;
    }

    /// <summary>Makes deletions durable: after a power failure none of the deleted is back.</summary>
    public void MakeDeletionsDurable() => files.SyncDirectory(directory);

    /// <summary>Opens the content of a snapshot.</summary>
    /// <exception cref="LogCorruptException">The header is damaged; a damaged block shows while reading.</exception>
    public SnapshotReadStream Open(LogBase snapshot)
    {
        var file = files.Open(PathOf(snapshot));
        try
        {
            var stream = new SnapshotReadStream(file, ciphers);
            if (stream.Header.Metadata.Index != snapshot.Index || stream.Header.Metadata.Term != snapshot.Term)
                throw new LogCorruptException(file.Path, 0, $"the file holds the snapshot of index {stream.Header.Metadata.Index}");
            return stream;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a snapshot to its end, so that a state machine never gets half of a damaged one.</summary>
    /// <exception cref="LogCorruptException">It is damaged.</exception>
    public SnapshotHeader Verify(LogBase snapshot)
    {
        using var stream = Open(snapshot);
        Span<byte> sink = new byte[SnapshotBlock.ContentBytes];
        while (stream.Read(sink) > 0)
        {
        }
        return stream.Header;
    }

    /// <summary>Deletes all but the newest and <paramref name="keepOld"/> older ones.</summary>
    public void Prune(int keepOld)
    {
        foreach (var old in List().Skip(1 + keepOld))
        {
            files.Delete(PathOf(old));
            logger.LogDebug("log: deleted the old snapshot of index {Index}", old.Index);
        }
    }

    public void Delete(LogBase snapshot) => files.Delete(PathOf(snapshot));

    private bool IsCurrent(SnapshotHeader header) => header.CipherScheme == ciphers.Write.Scheme && header.CipherKeyId == ciphers.Write.KeyId;

    private void DeleteQuietly(string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (IOException e)
        {
            logger.LogDebug(e, "log: could not delete {Path}", path);
        }
    }
}
