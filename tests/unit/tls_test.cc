#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tls/hmac.h"

namespace otto::tls {
namespace {

std::string hex(const Digest& digest) {
    std::string text;
    for (const unsigned byte : digest) text += fmt::format("{:02x}", byte);
    return text;
}

TEST(Hmac, VectorsOfRfc4231) {
    EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                              "Test Using Larger Than Block-Size Key - Hash Key First")),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, SecretsDiffer) {
    const auto one = make_secret();
    const auto other = make_secret();
    ASSERT_TRUE(one);
    ASSERT_TRUE(other);
    EXPECT_NE(*one, *other);
    EXPECT_NE(hmac_sha256(*one, "text"), hmac_sha256(*other, "text"));
    EXPECT_EQ(hmac_sha256(*one, "text"), hmac_sha256(*one, "text"));
}

TEST(Hmac, EqualSecrets) {
    EXPECT_TRUE(equal_secrets("", ""));
    EXPECT_TRUE(equal_secrets("abc", "abc"));
    EXPECT_FALSE(equal_secrets("abc", "abd"));
    EXPECT_FALSE(equal_secrets("abc", "ab"));
}

}  // namespace
}  // namespace otto::tls
