using Microsoft.Extensions.Time.Testing;
using Skep.Dispatch;
using Xunit;

namespace Skep.UnitTests.Dispatch;

public sealed class BurstPaceTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_first_message_after_a_rest_need_not_wait_and_those_of_a_burst_wait_longer_and_longer()
    {
        var pace = new BurstPace(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1), _time);
        for (var burst = 0; burst < 3; burst++)
        {
            _time.Advance(TimeSpan.FromSeconds(3));
            Assert.True(pace.Left <= TimeSpan.Zero);
            pace.Sent();
            foreach (var wait in new[] { 50, 100, 200, 400, 800, 1000, 1000, 1000 })
            {
                Assert.Equal(wait, pace.Left.TotalMilliseconds);
                _time.Advance(pace.Left);
                pace.Sent();
            }
        }
    }
}
