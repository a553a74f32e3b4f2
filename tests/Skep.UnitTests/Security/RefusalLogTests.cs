using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Skep.Security;
using Xunit;

namespace Skep.UnitTests.Security;

public class RefusalLogTests
{
    [Fact]
    public void A_flood_of_refusals_does_not_flood_the_log_and_is_counted()
    {
        var time = new FakeTimeProvider();
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        var refusals = new RefusalLog(time, factory.CreateLogger<RefusalLog>());

        for (var i = 0; i < 250; i++)
            refusals.Connection("10.0.0.1:1234", "it does not speak TLS");
        Assert.Equal(200, log.All.Count);

        time.Advance(TimeSpan.FromSeconds(11));
        refusals.Call("/some.Service/Call", "10.0.0.1:1234", null, "no");
        Assert.Equal(["Warning: 50 more refusals were not logged", "Warning: refused /some.Service/Call from 10.0.0.1:1234 (no certificate): no"], log.All.Skip(200));
    }
}
