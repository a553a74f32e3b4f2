using System.Text;
using CsCheck;
using Skep.Wire;
using Xunit;

namespace Skep.UnitTests.Security;

public class JoinTokenTests
{
    [Fact]
    public void A_token_is_written_as_stock_writes_it()
    {
        var secret = Enumerable.Range(0, 16).Select(i => (byte)i).ToArray();

        // Computed apart from this code, from SwarmKit's description of the format.
        Assert.Equal("SWMTKN-1-3fymn1xotkgqyj6h3xv0weeh4cdkqk75dfdyc4xqgfk5ahm1sm-000avh9he7dy896m08s18udxr",
            JoinToken.Create(Encoding.ASCII.GetBytes("root certificate\n"), secret));
    }

    [Fact]
    public void A_parsed_token_knows_its_root_and_only_its_root() =>
        Gen.Select(Gen.Byte.Array[0, 300], Gen.Byte.Array[16]).Sample((root, secret) =>
        {
            var token = JoinToken.Parse(JoinToken.Create(root, secret));
            return token.IsOf(root) && !token.IsOf([.. root, 1]) && token.Secret.Length == 25;
        });

    [Theory]
    [InlineData("")]
    [InlineData("invalidtoken")]
    [InlineData("SWMTKN-1-3wkodtpeoipd1u1hi0ykdcdwhw16dk73ulqqtn14b3indz68rf-4myj5xihyto11dg1cn55w8p6")] // one digit short
    [InlineData("SWMTKN-0-1fhvpatk6ms36i3uc64tsv1ybyuxkb899zbjpq4ib64qwbibz4-1g3as27iwmko5yqh1byv868hx")] // unknown version
    [InlineData("SWMTKN-1-1FHVPATK6ms36i3uc64tsv1ybyuxkb899zbjpq4ib64qwbibz4-1g3as27iwmko5yqh1byv868hx")] // upper case
    [InlineData("SWMTKN-1-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-1g3as27iwmko5yqh1byv868hx")] // more than 256 bits
    [InlineData("SWMTKN-1-1fhvpatk6ms36i3uc64tsv1ybyuxkb899zbjpq4ib64qwbibz4-1g3as27iwmko5yqh1byv868hx-1")]
    public void What_is_no_token_is_refused_without_repeating_it(string token)
    {
        var e = Assert.Throws<FormatException>(() => JoinToken.Parse(token));

        Assert.Equal("invalid join token", e.Message);
    }

    [Fact]
    public void An_empty_token_matches_nothing()
    {
        Assert.False(JoinToken.AreSame("", ""));
        Assert.False(JoinToken.AreSame("a", ""));
        Assert.True(JoinToken.AreSame("a", "a"));
    }
}
