using System.Text.Json;
using Skep.Api.Swarm.Json;

namespace Skep.Api.Swarm.Conversion;

/// <summary>Mounts.</summary>
internal static class MountConversion
{
    public static Types.Mount ToApi(Wire.Mount mount) => new()
    {
        Type = Words.MountType.Of(mount.Type),
        Source = mount.Source,
        Target = mount.Target,
        ReadOnly = mount.Readonly,
        BindOptions = mount.BindOptions is { } bind
            ? new Types.BindOptions
            {
                Propagation = Words.Propagation.Of(bind.Propagation),
                NonRecursive = bind.Nonrecursive,
                CreateMountpoint = bind.Createmountpoint,
                ReadOnlyNonRecursive = bind.Readonlynonrecursive,
                ReadOnlyForceRecursive = bind.Readonlyforcerecursive,
            }
            : null,
        VolumeOptions = mount.VolumeOptions is { } volume
            ? new Types.VolumeOptions { NoCopy = volume.Nocopy, Labels = volume.Labels.ToApi(), Subpath = volume.Subpath, DriverConfig = volume.DriverConfig.ToApi() }
            : null,
        TmpfsOptions = mount.TmpfsOptions is { } tmpfs
            ? new Types.TmpfsOptions { SizeBytes = tmpfs.SizeBytes, Mode = tmpfs.Mode, Options = ReadTmpfsOptions(tmpfs.Options) }
            : null,
    };

    public static Wire.Mount ToWire(Types.Mount mount)
    {
        var wire = new Wire.Mount
        {
            Type = Words.MountType.Parse(mount.Type, "MountType"),
            Source = mount.Source,
            Target = mount.Target,
            Readonly = mount.ReadOnly,
        };
        if (mount.BindOptions is { } bind)
        {
            wire.BindOptions = new Wire.Mount.Types.BindOptions
            {
                Propagation = Words.Propagation.Parse(bind.Propagation, "MountPropagation"),
                Nonrecursive = bind.NonRecursive,
                Createmountpoint = bind.CreateMountpoint,
                Readonlynonrecursive = bind.ReadOnlyNonRecursive,
                Readonlyforcerecursive = bind.ReadOnlyForceRecursive,
            };
        }
        if (mount.VolumeOptions is { } volume)
        {
            wire.VolumeOptions = new Wire.Mount.Types.VolumeOptions { Nocopy = volume.NoCopy, Subpath = volume.Subpath, DriverConfig = volume.DriverConfig.ToWire() };
            wire.VolumeOptions.Labels.Fill(volume.Labels);
        }
        if (mount.TmpfsOptions is { } tmpfs)
            wire.TmpfsOptions = new Wire.Mount.Types.TmpfsOptions { SizeBytes = tmpfs.SizeBytes, Mode = tmpfs.Mode, Options = WriteTmpfsOptions(tmpfs.Options) };
        return wire;
    }

    // The wire has one text where the API has lists of words; stock puts the API's JSON into it, and so its engines read it.
    private static string WriteTmpfsOptions(List<List<string>>? options) =>
        options is null ? "null" : JsonSerializer.Serialize(options, SwarmJsonContext.Default.ListListString);

    private static List<List<string>>? ReadTmpfsOptions(string options)
    {
        try
        {
            return options.Length == 0 ? null : JsonSerializer.Deserialize(options, SwarmJsonContext.Default.ListListString);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
