using System.Diagnostics;
using Prometheus;

namespace Skep.Api.Hosting;

/// <summary>
/// The figures of this process, under the names that prometheus-net's own collector has. That one looks at every open file for each answer, which with a
/// connection from each of thousands of engines is most of what an answer costs; here they are counted now and then.
/// </summary>
internal sealed class ProcessMetrics
{
    private static readonly TimeSpan CountFilesAfter = TimeSpan.FromMinutes(1);

    private readonly Counter _cpu = Prometheus.Metrics.CreateCounter("process_cpu_seconds_total", "CPU time of this process, of user and system.");
    private readonly Gauge _cpus = Prometheus.Metrics.CreateGauge("process_cpu_count", "Processors that this process may use.");
    private readonly Gauge _started = Prometheus.Metrics.CreateGauge("process_start_time_seconds", "When this process started, in Unix time.");
    private readonly Gauge _workingSet = Prometheus.Metrics.CreateGauge("process_working_set_bytes", "Memory of this process that is resident.");
    private readonly Gauge _privateMemory = Prometheus.Metrics.CreateGauge("process_private_memory_bytes", "Memory of this process that it shares with no other.");
    private readonly Gauge _virtualMemory = Prometheus.Metrics.CreateGauge("process_virtual_memory_bytes", "Addresses that this process has reserved.");
    private readonly Gauge _threads = Prometheus.Metrics.CreateGauge("process_num_threads", "Threads of this process.");
    private readonly Gauge _files = Prometheus.Metrics.CreateGauge("process_open_handles", "Open files and sockets of this process; counted once a minute.");
    private readonly Gauge _heap = Prometheus.Metrics.CreateGauge("dotnet_total_memory_bytes", "Memory of .NET's heap, as far as it is in use.");
    private readonly Counter _collections = Prometheus.Metrics.CreateCounter("dotnet_collection_count_total", "Garbage collections, by generation.", "generation");
    private readonly Process _process = Process.GetCurrentProcess();
    private readonly Lock _lock = new();
    private long? _counted;

    public ProcessMetrics()
    {
        _cpus.Set(Environment.ProcessorCount);
        _started.SetToTimeUtc(_process.StartTime.ToUniversalTime());
        Prometheus.Metrics.DefaultRegistry.AddBeforeCollectCallback(Update);
    }

    private void Update()
    {
        lock (_lock)
        {
            _process.Refresh();
            _cpu.IncTo(_process.TotalProcessorTime.TotalSeconds);
            _workingSet.Set(_process.WorkingSet64);
            _privateMemory.Set(_process.PrivateMemorySize64);
            _virtualMemory.Set(_process.VirtualMemorySize64);
            _threads.Set(_process.Threads.Count);
            _heap.Set(GC.GetTotalMemory(forceFullCollection: false));
            for (var generation = 0; generation <= GC.MaxGeneration; generation++)
                _collections.WithLabels(generation.ToString(System.Globalization.CultureInfo.InvariantCulture)).IncTo(GC.CollectionCount(generation));
            if (_counted is { } counted && Stopwatch.GetElapsedTime(counted) < CountFilesAfter)
                return;
            _counted = Stopwatch.GetTimestamp();
            _files.Set(_process.HandleCount);
        }
    }
}
