namespace Skep.Api.Swarm;

/// <summary>What the lifecycle refuses becomes the API's answer.</summary>
internal static class LifecycleRefusal
{
    public static async Task<T> MapAsync<T>(Task<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (SwarmLifecycleException refusal)
        {
            throw ToApi(refusal);
        }
        catch (Skep.Manager.ControlException refusal)
        {
            throw ControlRefusal.ToApi(refusal);
        }
    }

    public static async Task MapAsync(Task call) => await MapAsync(DoneAsync(call)).ConfigureAwait(false);

    private static async Task<bool> DoneAsync(Task call)
    {
        await call.ConfigureAwait(false);
        return true;
    }

    private static ApiException ToApi(SwarmLifecycleException refusal) => new(refusal.Error switch
    {
        LifecycleError.InvalidParameter => 400,
        LifecycleError.Unauthorized => 401,
        LifecycleError.Conflict => 409,
        LifecycleError.Unavailable => 503,
        _ => 500,
    }, refusal.Message, refusal);
}
