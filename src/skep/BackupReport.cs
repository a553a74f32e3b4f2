using System.Globalization;
using System.Text.Json.Nodes;
using Skep.Storage.Backups;

namespace Skep.Cli;

/// <summary>What a backup is, for people or machines.</summary>
internal static class BackupReport
{
    public static void Print(string what, string path, BackupFile backup, bool isWhole, bool asJson)
    {
        var manifest = backup.Manifest;
        if (asJson)
        {
            Console.WriteLine(Json(path, backup, isWhole).ToJsonString());
            return;
        }
        var isSealed = manifest.IsSealed ? ", sealed with the unlock key of that time" : "";
        Console.WriteLine($"{what} {path}: {backup.Length} bytes{isSealed}");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"cluster {manifest.ClusterId} as of {manifest.CreatedAt:u}, by manager {manifest.ManagerId} at {manifest.ManagerAddr} (skepd {manifest.SkepVersion})"));
        Console.WriteLine($"{manifest.Services} services, {manifest.Tasks} tasks, {manifest.Nodes} nodes, {manifest.Secrets} secrets, {manifest.Configs} configs, {manifest.Networks} networks");
    }

    private static JsonObject Json(string path, BackupFile backup, bool isWhole)
    {
        var manifest = backup.Manifest;
        return new JsonObject
        {
            ["file"] = path,
            ["bytes"] = backup.Length,
            ["sealed"] = manifest.IsSealed,
            ["contentRead"] = isWhole,
            ["skepVersion"] = manifest.SkepVersion,
            ["createdAt"] = manifest.CreatedAt,
            ["clusterId"] = manifest.ClusterId,
            ["managerId"] = manifest.ManagerId,
            ["managerAddr"] = manifest.ManagerAddr,
            ["stateVersion"] = manifest.StateVersion,
            ["services"] = manifest.Services,
            ["tasks"] = manifest.Tasks,
            ["nodes"] = manifest.Nodes,
            ["secrets"] = manifest.Secrets,
            ["configs"] = manifest.Configs,
            ["networks"] = manifest.Networks,
        };
    }
}
