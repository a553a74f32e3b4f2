using CsCheck;
using Xunit;
using static Skep.UnitTests.Manager.Allocation.AllocationCluster;

namespace Skep.UnitTests.Manager.Allocation;

public sealed class AllocationPropertyTests
{
    [Fact]
    public void Nothing_is_ever_given_twice_whoever_leads() =>
        Gen.Select(Gen.Int[0, 11], Gen.Int[0, 99]).Array[1, 60].Sample(steps =>
        {
            var cluster = New();
            var count = 0;
            foreach (var (step, pick) in steps)
            {
                var services = cluster.State.Services.Keys.Order().ToList();
                var networks = cluster.State.Networks.Values.Where(n => n.Spec.Annotations.Name.StartsWith("net", StringComparison.Ordinal)).Select(n => n.Id).Order().ToList();
                var tasks = cluster.State.Tasks.All.Where(t => t.State == Wire.TaskState.Running).Select(t => t.Id).Order().ToList();
                switch (step)
                {
                    case 0: cluster.AddNetwork($"net{++count}"); break;
                    case 1: cluster.AddNetwork($"net{++count}", $"10.{pick % 3}.{pick % 5}.0/{27 + (pick % 3)}"); break;
                    case 2: cluster.AddNode($"node{++count}"); break;
                    case 3:
                        cluster.AddServiceOn($"svc{++count}", [.. networks.Where((_, i) => (pick + i) % 2 == 0)]);
                        break;
                    case 4 when services.Count > 0:
                        cluster.ReplaceService(services[pick % services.Count], s => s.Endpoint = new Wire.EndpointSpec
                        {
                            Mode = pick % 7 == 0 ? Wire.EndpointSpec.Types.ResolutionMode.Dnsrr : Wire.EndpointSpec.Types.ResolutionMode.Vip,
                            Ports = { Enumerable.Range(0, pick % 7 == 0 ? 0 : pick % 4).Select(i => Port((uint)i + 1, i == 2 ? 30_000u + (uint)(pick % 3) : 0)) },
                        });
                        break;
                    case 5 or 6 when services.Count > 0: cluster.AddTasks(services[pick % services.Count], 1 + (pick % 9)); break;
                    case 7 when tasks.Count > 0: cluster.Engines.Fail(tasks[pick % tasks.Count]); break;
                    case 8 when tasks.Count > 0: cluster.RemoveTask(tasks[pick % tasks.Count]); break;
                    case 9 when services.Count > 0: cluster.DeleteService(services[pick % services.Count]); break;
                    case 10: cluster.ChangeLeader(); break;
                    case 11 when networks.Count > 0 && !cluster.State.Services.Values.Any(s => s.Spec.Task.Networks.Any(n => n.Target == networks[pick % networks.Count])) &&
                        !cluster.State.Tasks.All.Any(t => t.Spec.Spec.Networks.Any(n => n.Target == networks[pick % networks.Count])):
                        cluster.RemoveNetwork(networks[pick % networks.Count]);
                        break;
                }
                cluster.Settle();
                cluster.AssertNothingIsGivenTwice();
            }
        }, iter: 80);
}
