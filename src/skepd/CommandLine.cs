using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Net;
using Skep.Api.Engine;
using Skep.Api.Hosting;
using Skep.Api.Logging;

namespace Skep.Daemon;

/// <summary>skepd's flags: dockerd's names and meanings, as far as they concern a manager.</summary>
public sealed class CommandLine
{
    private const string DefaultHost = "unix:///run/skep.sock";
    private const string Examples = """
        Examples:
          Serve the Docker API beside the engine of this host, then make a cluster with the stock command:
            skepd &
            docker -H unix:///run/skep.sock swarm init --advertise-addr 10.0.0.1

          Serve it to other hosts too, to clients with a certificate of your CA:
            skepd -H unix:///run/skep.sock -H tcp://0.0.0.0:2376 --tlsverify \
                  --tlscacert ca.pem --tlscert server-cert.pem --tlskey server-key.pem

          A manager on a host without engine:
            skepd --engine none
        """;

    private readonly Option<string[]> _hosts = new("--host", "-H") { Description = $"Where to serve the API: unix:///path or tcp://address:port; may be given several times (default {DefaultHost})", HelpName = "address" };
    private readonly Option<bool> _tlsVerify = new("--tlsverify") { Description = "Use TLS on tcp:// addresses and require clients to show a certificate of --tlscacert" };
    private readonly Option<string> _tlsCaCert = new("--tlscacert") { Description = "Trust client certificates signed only by this CA (default ~/.docker/ca.pem)", HelpName = "file" };
    private readonly Option<string> _tlsCert = new("--tlscert") { Description = "TLS certificate of this server (default ~/.docker/cert.pem)", HelpName = "file" };
    private readonly Option<string> _tlsKey = new("--tlskey") { Description = "Key of --tlscert (default ~/.docker/key.pem)", HelpName = "file" };
    private readonly Option<bool> _insecureTcp = new("--insecure-tcp") { Description = "Serve tcp:// addresses that other hosts reach without TLS: whoever reaches them is root here" };
    private readonly Option<string> _engine = new("--engine") { Description = "Socket of the local Docker Engine, or none (default unix:///var/run/docker.sock)", HelpName = "address" };
    private readonly Option<string> _dataDir = new("--data-dir") { Description = "Folder for all state (default /var/lib/skep)", HelpName = "folder" };
    private readonly Option<string> _metricsAddr = new("--metrics-addr") { Description = "Serve Prometheus metrics at http://IP:PORT/metrics", HelpName = "IP:PORT" };
    private readonly Option<string> _config = new("--config") { Description = "JSON file with the same settings by flag name (\"hosts\" for -H); a setting may not be in both", HelpName = "file" };
    private readonly Option<bool> _debug = new("--debug", "-D") { Description = "Same as --log-level debug" };
    private readonly Option<string> _logLevel = new("--log-level", "-l") { Description = $"{string.Join(", ", LogLevels.Names)} (default info)", HelpName = "level" };
    private readonly Option<string> _logFormat = new("--log-format") { Description = "text or json (default text)", HelpName = "format" };
    private readonly RootCommand _root;

    // Keys of the configuration file: the flag's name, but for the list of hosts.
    private readonly Dictionary<string, Option> _settings;

    public CommandLine()
    {
        _settings = new Dictionary<string, Option>
        {
            ["hosts"] = _hosts,
            ["tlsverify"] = _tlsVerify,
            ["tlscacert"] = _tlsCaCert,
            ["tlscert"] = _tlsCert,
            ["tlskey"] = _tlsKey,
            ["insecure-tcp"] = _insecureTcp,
            ["engine"] = _engine,
            ["data-dir"] = _dataDir,
            ["metrics-addr"] = _metricsAddr,
            ["debug"] = _debug,
            ["log-level"] = _logLevel,
            ["log-format"] = _logFormat,
        };
        _root = new RootCommand("Swarm mode's manager daemon, beside a stock Docker Engine.");
        foreach (var option in _settings.Values) _root.Add(option);
        _root.Add(_config);
        foreach (var option in _root.Options)
        {
            if (option is HelpOption { Action: HelpAction help }) option.Action = new HelpWithExamples(help, Examples);
            if (option is VersionOption) option.Action = new PrintVersion();
        }
    }

    /// <summary>
    /// Reads the arguments and runs <paramref name="daemon"/> with them, or answers --help and --version. The result is the exit
    /// code; what is wrong with the arguments is one line on <paramref name="errors"/> and exit code 1.
    /// </summary>
    public async Task<int> RunAsync(string[] args, Func<Options, Task<int>> daemon, TextWriter output, TextWriter errors)
    {
        // Neither response files (@file) nor directives ([...]): dockerd knows none.
        var parsed = _root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            await errors.WriteLineAsync($"skepd: {parsed.Errors[0].Message.ReplaceLineEndings(" ")} See 'skepd --help'.");
            return 1;
        }
        if (parsed.Action is HelpWithExamples or PrintVersion) return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = errors });
        Options options;
        try
        {
            options = Check(parsed);
        }
        catch (OptionsException e)
        {
            await errors.WriteLineAsync("skepd: " + e.Message);
            return 1;
        }
        return await daemon(options);
    }

    /// <exception cref="OptionsException">What is wrong with the arguments or the file.</exception>
    private Options Check(ParseResult parsed)
    {
        var file = parsed.GetValue(_config) is { } path ? ConfigFile.Read(path) : ConfigFile.Empty;
        RefuseConflicts(parsed, file);

        string? Text(string key) => Texts(key) is [.., var last] ? last : null;
        string[] Texts(string key) => file.Values.TryGetValue(key, out var fromFile) ? fromFile : TextsOf(parsed, _settings[key]);
        bool Flag(string key) => Text(key) switch
        {
            null or "false" => false,
            "true" => true,
            var other => throw new OptionsException($"\"{key}\" must be true or false, not '{other}'"),
        };

        var tls = Flag("tlsverify") ? new TlsFiles(Text("tlscacert") ?? DefaultPem("ca.pem"), Text("tlscert") ?? DefaultPem("cert.pem"), Text("tlskey") ?? DefaultPem("key.pem")) : null;
        if (tls is null && (Text("tlscacert") ?? Text("tlscert") ?? Text("tlskey")) is not null)
            throw new OptionsException("--tlscacert, --tlscert and --tlskey are of no use without --tlsverify: add it");

        string[] hosts = Texts("hosts");
        if (hosts.Length == 0) hosts = [DefaultHost];
        var listen = new List<ListenAddress>();
        foreach (var host in hosts)
        {
            var address = Valid(() => ListenAddress.Parse(host, tls is not null));
            if (address is ListenAddress.Tcp { IsLoopback: false } && tls is null && !Flag("insecure-tcp"))
                throw new OptionsException($"{address} would make everyone who reaches it root on this host: add --tlsverify with --tlscacert, --tlscert and --tlskey, listen on 127.0.0.1, or insist with --insecure-tcp");
            if (listen.Contains(address)) throw new OptionsException($"{address} is given twice");
            listen.Add(address);
        }

        var level = Text("log-level") ?? "info";
        var format = Text("log-format") ?? "text";
        return new Options
        {
            Hosts = listen,
            Tls = tls,
            Engine = Valid(() => EngineAddress.Parse(Text("engine") ?? "unix:///var/run/docker.sock")),
            DataDir = Path.GetFullPath(Text("data-dir") ?? "/var/lib/skep"),
            MetricsAddress = Text("metrics-addr") is { } metrics ? MetricsEndPoint(metrics) : null,
            LogLevel = LogLevels.Find(Flag("debug") ? "debug" : level) ?? throw new OptionsException($"unknown log level '{level}': give one of {string.Join(", ", LogLevels.Names)}"),
            LogFormat = format switch
            {
                "text" => LogFormat.Text,
                "json" => LogFormat.Json,
                _ => throw new OptionsException($"unknown log format '{format}': give text or json"),
            },
        };
    }

    // dockerd's rule and words: with one setting in two places, nobody could tell which one holds.
    private void RefuseConflicts(ParseResult parsed, ConfigFile file)
    {
        var unknown = file.Values.Keys.Where(k => !_settings.ContainsKey(k)).Order().ToList();
        if (unknown.Count > 0) throw new OptionsException($"the following directives don't match any configuration option: {string.Join(", ", unknown)}");
        var conflicts = file.Values.Where(v => IsGiven(parsed, _settings[v.Key]))
            .Select(v => $"{v.Key}: (from flag: {Show(v.Key, TextsOf(parsed, _settings[v.Key]))}, from file: {Show(v.Key, v.Value)})").ToList();
        if (conflicts.Count > 0) throw new OptionsException($"the following directives are specified both as a flag and in the configuration file: {string.Join(", ", conflicts)}");

        static string Show(string key, string[] values) => key == "hosts" ? $"[{string.Join(' ', values)}]" : string.Join(' ', values);
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static string[] TextsOf(ParseResult parsed, Option option)
    {
        if (parsed.GetResult(option) is not { Implicit: false } result) return [];
        // A flag without value ("-D") is true.
        return result.Tokens.Count == 0 && option.ValueType == typeof(bool) ? ["true"] : [.. result.Tokens.Select(t => t.Value)];
    }

    private static IPEndPoint MetricsEndPoint(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && !text.EndsWith(']') && IPEndPoint.TryParse(text, out var endPoint) && endPoint.Port > 0
            ? endPoint
            : throw new OptionsException($"invalid metrics address '{text}': give IP:PORT, as in 127.0.0.1:9323");
    }

    private static string DefaultPem(string name) => Path.Combine(
        Environment.GetEnvironmentVariable("DOCKER_CERT_PATH") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker"),
        name);

    private static T Valid<T>(Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (FormatException e)
        {
            throw new OptionsException(e.Message);
        }
    }

    private sealed class HelpWithExamples(HelpAction help, string examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = help.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output.WriteLine(examples);
            return code;
        }
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"skepd version {ApiHost.ProductVersion}");
            return 0;
        }
    }
}
