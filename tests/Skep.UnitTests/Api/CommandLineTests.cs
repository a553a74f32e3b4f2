using Microsoft.Extensions.Logging;
using Skep.Api.Logging;
using Skep.Daemon;
using Xunit;

namespace Skep.UnitTests.Api;

public sealed class CommandLineTests
{
    private static async Task<(int Code, Options? Options, string Output, string Errors)> RunAsync(params string[] args)
    {
        Options? seen = null;
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await new CommandLine().RunAsync(args, o =>
        {
            seen = o;
            return Task.FromResult(0);
        }, output, errors);
        return (code, seen, output.ToString(), errors.ToString());
    }

    private static async Task<(int Code, Options? Options, string Output, string Errors)> WithFileAsync(string json, params string[] args)
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, json);
            return await RunAsync(["--config", path, .. args]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Defaults()
    {
        var options = (await RunAsync()).Options!;
        Assert.Equal(["unix:///run/skep.sock"], options.Hosts.Select(h => h.ToString()));
        Assert.Equal("unix:///var/run/docker.sock", options.Engine.ToString());
        Assert.Equal("/var/lib/skep", options.DataDir);
        Assert.Null(options.Tls);
        Assert.Null(options.MetricsAddress);
        Assert.Equal((LogLevel.Information, LogFormat.Text), (options.LogLevel, options.LogFormat));
    }

    [Fact]
    public async Task Every_flag_is_taken()
    {
        var options = (await RunAsync("-H", "unix:///a", "--host=tcp://[::]", "--tlsverify", "--tlscacert=ca", "--tlscert", "c", "--tlskey", "k",
            "--engine", "none", "--data-dir", "/d", "--metrics-addr", "127.0.0.1:9323", "-D", "--log-format", "json")).Options!;
        Assert.Equal(["unix:///a", "tcp://[::]:2376"], options.Hosts.Select(h => h.ToString()));
        Assert.Equal(new TlsFiles("ca", "c", "k"), options.Tls);
        Assert.Equal("none", options.Engine.ToString());
        Assert.Equal("127.0.0.1:9323", options.MetricsAddress!.ToString());
        Assert.Equal((LogLevel.Debug, LogFormat.Json), (options.LogLevel, options.LogFormat));
    }

    [Theory]
    [InlineData("--nope", "'--nope'")]
    [InlineData("extra", "'extra'")]
    [InlineData("--engine", "--engine")]
    [InlineData("--engine=tcp://x", "invalid engine address 'tcp://x'")]
    [InlineData("-H=fd://", "invalid bind address (fd://): unsupported proto 'fd'")]
    [InlineData("-H=unix://run/x", "absolute path")]
    [InlineData("-H=tcp://127.0.0.1:99999", "invalid port ':99999'")]
    [InlineData("-H=tcp://127.0.0.1:2375/x", "should not contain a path element")]
    [InlineData("-H=tcp://0.0.0.0:2375", "add --tlsverify")]
    [InlineData("--tlscert=x", "without --tlsverify")]
    [InlineData("--log-level=loud", "unknown log level 'loud'")]
    [InlineData("--log-format=xml", "unknown log format 'xml'")]
    [InlineData("--metrics-addr=9323", "invalid metrics address '9323'")]
    [InlineData("--config=/nosuch.json", "cannot read the configuration file /nosuch.json")]
    public async Task What_is_wrong_is_one_line_on_stderr_and_exit_code_1(string arg, string part)
    {
        var (code, options, output, errors) = await RunAsync(arg);
        Assert.Equal(1, code);
        Assert.Null(options);
        Assert.Empty(output);
        Assert.StartsWith("skepd: ", errors);
        Assert.Contains(part, errors);
        Assert.Equal(1, errors.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("-H=tcp://", "tcp://127.0.0.1:2375")]
    [InlineData("-H=tcp://localhost:1", "tcp://127.0.0.1:1")]
    [InlineData("-H=tcp://[::1]", "tcp://[::1]:2375")]
    public async Task Loopback_may_go_without_tls(string arg, string address) =>
        Assert.Equal(address, (await RunAsync(arg)).Options!.Hosts.Single().ToString());

    [Fact]
    public async Task Other_addresses_go_without_tls_only_on_insistence() =>
        Assert.Equal("tcp://10.0.0.1:2375", (await RunAsync("-H", "tcp://10.0.0.1", "--insecure-tcp")).Options!.Hosts.Single().ToString());

    [Fact]
    public async Task The_file_says_what_the_flags_do_not()
    {
        var options = (await WithFileAsync("""{"hosts":["unix:///a","tcp://127.0.0.1"],"debug":true,"engine":"none"}""", "--data-dir", "/d")).Options!;
        Assert.Equal(["unix:///a", "tcp://127.0.0.1:2375"], options.Hosts.Select(h => h.ToString()));
        Assert.Equal(LogLevel.Debug, options.LogLevel);
        Assert.Equal("/d", options.DataDir);
    }

    [Theory]
    [InlineData("""{"hosts":["unix:///b"]}""", "the following directives are specified both as a flag and in the configuration file: hosts: (from flag: [unix:///a], from file: [unix:///b])")]
    [InlineData("""{"debug":false}""", "debug: (from flag: true, from file: false)")]
    [InlineData("""{"graph":"x"}""", "the following directives don't match any configuration option: graph")]
    [InlineData("""{"engine":5}""", "\"engine\" must be")]
    [InlineData("""{"tlsverify":"yes"}""", "\"tlsverify\" must be true or false")]
    [InlineData("""[]""", "expected a JSON object")]
    [InlineData("""{""", "cannot read the configuration file")]
    public async Task A_file_that_conflicts_or_is_wrong_is_refused(string json, string part)
    {
        var (code, _, _, errors) = await WithFileAsync(json, "-H", "unix:///a", "-D");
        Assert.Equal(1, code);
        Assert.Contains(part, errors);
        Assert.Equal(1, errors.Count(c => c == '\n'));
    }

    [Fact]
    public async Task Help_has_examples_and_version_is_one_line()
    {
        var help = await RunAsync("--help");
        Assert.Equal(0, help.Code);
        Assert.Contains("Examples:", help.Output);
        var version = await RunAsync("--version");
        Assert.Equal(0, version.Code);
        Assert.Matches("^skepd version [0-9.]+\n$", version.Output);
    }
}
