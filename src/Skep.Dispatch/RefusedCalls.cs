using Skep.Manager;

namespace Skep.Dispatch;

/// <summary>The manager's refusals as engines understand them.</summary>
internal static class RefusedCalls
{
    public static async Task<T> TranslateAsync<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (ControlException e)
        {
            throw e.ToRpc();
        }
    }
}
