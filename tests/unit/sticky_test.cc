#include "proxy/sticky.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "balance/affinity.h"
#include "http/cookie.h"
#include "http1/parse_request.h"

namespace otto {
namespace {

using namespace std::chrono_literals;

/// A request with these Cookie fields.
struct Request {
    explicit Request(const std::vector<std::string>& cookies) : bytes("GET / HTTP/1.1\r\n") {
        bytes += "Host: a\r\n";
        for (const std::string& cookie : cookies) bytes += "Cookie: " + cookie + "\r\n";
        bytes += "\r\n";
        EXPECT_FALSE(http1::parse_request_head(bytes, {}, head));
    }
    std::string bytes;
    http::RequestHead head;
};

std::vector<std::string> values(const std::vector<std::string>& cookies, std::string_view name) {
    const Request request(cookies);
    http::Cookies found(request.head, name);
    std::vector<std::string> list;
    while (const auto value = found.next()) list.emplace_back(*value);
    return list;
}

using List = std::vector<std::string>;

TEST(Cookies, OfOneName) {
    EXPECT_EQ(values({}, "a"), List{});
    EXPECT_EQ(values({"a=1"}, "a"), List{"1"});
    EXPECT_EQ(values({"b=2; a=1; c=3"}, "a"), List{"1"});
    EXPECT_EQ(values({"a=1; a=2", "b=3", "a=4"}, "a"), (List{"1", "2", "4"}));
    EXPECT_EQ(values({"a=x=y"}, "a"), List{"x=y"});
    EXPECT_EQ(values({"a="}, "a"), List{""});
    EXPECT_EQ(values({R"(a="1")"}, "a"), List{R"("1")"});
}

TEST(Cookies, WhatIsNoPairOfThatName) {
    EXPECT_EQ(values({"A=1; aa=2; xa=3; a; =a; ;;  "}, "a"), List{});
    EXPECT_EQ(values({";a=1;;a=2;"}, "a"), (List{"1", "2"}));
    EXPECT_EQ(values({"b=a=1"}, "a"), List{});
}

class StickyTest : public testing::Test {
  protected:
    StickyTest() { add({"http://a:1", "http://b:1", "http://c:1"}); }

    void add(const std::vector<std::string>& urls) {
        config.enabled = true;
        for (const std::string& url : urls) {
            Member member;
            member.server = std::make_shared<Server>(url, "", "", std::vector<Address>{});
            members.push_back(member);
        }
        cookies.configure(config, members);
    }

    /// NAME=VALUE of the cookie that names a server.
    std::string cookie_for(std::size_t server) {
        const std::string_view cookie = cookies.cookie_for(*members[server].server, false);
        return std::string(cookie.substr(0, cookie.find(';')));
    }

    Server* find(const std::string& cookie) { return cookies.find(Request({cookie}).head); }

    StickyConfig config;
    std::vector<Member> members;
    StickyCookies cookies{tls::Secret{1, 2, 3}};
};

TEST_F(StickyTest, FindsTheServerThatItNamed) {
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::string cookie = cookie_for(i);
        EXPECT_EQ(find(cookie), members[i].server.get());
        EXPECT_EQ(find("session=1; " + cookie + "; x=y"), members[i].server.get());
        EXPECT_EQ(find("otto_server=old; " + cookie), members[i].server.get());
    }
}

TEST_F(StickyTest, TheFieldAsItIs) {
    const Server& server = *members[0].server;
    EXPECT_EQ(cookies.cookie_for(server, false),
              cookie_for(0) + "; Path=/; HttpOnly; SameSite=Lax");
    config.ttl = 90s;
    cookies.configure(config, members);
    EXPECT_TRUE(cookies.cookie_for(server, true)
                    .ends_with("; Path=/; Max-Age=90; HttpOnly; SameSite=Lax; Secure"));
}

TEST_F(StickyTest, WhatIsNotSignedIsIgnored) {
    const std::string cookie = cookie_for(0);
    for (std::size_t at = cookie.find('=') + 1; at < cookie.size(); ++at) {
        std::string forged = cookie;
        forged[at] = forged[at] == '0' ? '1' : '0';
        EXPECT_EQ(find(forged), nullptr) << forged;
    }
    std::string upper = cookie;
    std::transform(upper.begin() + 12, upper.end(), upper.begin() + 12,
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(find(upper), nullptr);
    EXPECT_EQ(find(cookie.substr(0, cookie.size() - 1)), nullptr);
    EXPECT_EQ(find(cookie + "0"), nullptr);
    EXPECT_EQ(find("otto_server="), nullptr);
    EXPECT_EQ(find("otto_server=" + std::string(16, '-') + "." + std::string(32, '0')), nullptr);
}

TEST_F(StickyTest, ASignatureIsOfOneKeyAndOneName) {
    const std::string cookie = cookie_for(0);
    StickyCookies others{tls::Secret{3, 2, 1}};
    others.configure(config, members);
    EXPECT_EQ(others.find(Request({cookie}).head), nullptr);

    config.cookie = "other";
    cookies.configure(config, members);
    EXPECT_EQ(find("other" + cookie.substr(cookie.find('='))), nullptr);
    EXPECT_EQ(find(cookie_for(0)), members[0].server.get());
}

TEST_F(StickyTest, AServerThatIsGoneIsNotFound) {
    const std::string cookie = cookie_for(1);
    const std::shared_ptr<Server> gone = members[1].server;
    members.erase(members.begin() + 1);
    std::ranges::reverse(members);
    cookies.configure(config, members);
    EXPECT_EQ(find(cookie), nullptr);
    EXPECT_EQ(cookies.cookie_for(*gone, false), "");
    add({"http://b:1"});
    EXPECT_EQ(find(cookie), members.back().server.get());
}

}  // namespace
}  // namespace otto
