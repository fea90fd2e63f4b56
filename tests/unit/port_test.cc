// "port" beside the sockets of systemd, and the drop-ins that ottoctl writes for these.

#include "config/port.h"

#include <gtest/gtest.h>

#include "config/locator.h"
#include "ctl/socket_port.h"

namespace otto {
namespace {

ListenConfig entry(const std::string& text) {
    return *parse_listen(text);
}

std::vector<Address> listening(const std::vector<std::string>& streams) {
    std::vector<Address> addresses;
    for (const std::string& stream : streams) addresses.push_back(*parse_listen_stream(stream));
    return addresses;
}

TEST(Port, SameAsTheSockets) {
    EXPECT_TRUE(same_port({entry(":8080")}, listening({"[::]:8080"})));
    EXPECT_TRUE(same_port({entry(":8080")}, listening({"0.0.0.0:8080"})));
    EXPECT_TRUE(
        same_port({entry("127.0.0.1:80"), entry(":81")}, listening({"[::]:81", "127.0.0.1:80"})));
    EXPECT_FALSE(same_port({entry(":8080")}, listening({"[::]:80"})));
    EXPECT_FALSE(same_port({entry(":8080")}, listening({"[::]:8080", "[::]:443"})));
    EXPECT_FALSE(same_port({entry(":8080")}, listening({"127.0.0.1:8080"})));
    EXPECT_FALSE(same_port({entry(":8080")}, {}));
    EXPECT_TRUE(
        same_port({entry(":80")}, {*parse_listen_stream("[::]:80"), *Address::from_path("/x")}));
}

TEST(Port, FormsOfSystemdAndOfTheConfiguration) {
    for (const auto& [port, stream] : {std::pair{":8080", "8080"},
                                       {"127.0.0.1:80", "127.0.0.1:80"},
                                       {"[::1]:80", "[::1]:80"},
                                       {"[::]:80", "[::]:80"}})
        EXPECT_EQ(listen_stream(entry(port)), stream);
    EXPECT_EQ(port_entry(*parse_listen_stream("[::]:8080")), ":8080");
    EXPECT_EQ(port_entry(*parse_listen_stream("127.0.0.1:80")), "127.0.0.1:80");
    EXPECT_EQ(port_entry(*parse_listen_stream("[::1]:80")), "[::1]:80");
    for (const char* other : {"/run/x", "unix:/run/x", "@x", "", "8080", "eth0"})
        EXPECT_FALSE(parse_listen_stream(other)) << other;
}

TEST(Port, OwnDropIns) {
    const std::string title = "# Written by \"ottoctl apply\".\n";
    const std::string start = "[Socket]\nListenStream=\n";
    EXPECT_TRUE(ctl::is_own_drop_in(title + start + "ListenStream=9090\n"));
    EXPECT_TRUE(ctl::is_own_drop_in(start + "ListenStream=[::1]:80\nListenStream=10.0.0.1:81\n"));
    for (const std::string& other :
         {std::string(), title, title + start, title + "ListenStream=9090\n",
          title + start + "ListenStream=9090", title + start + "ListenStream=\n",
          title + start + "ListenStream=/run/x\n", title + start + "ListenStream=9090\n\n",
          title + start + "ListenStream=9090 \n", title + start + "ListenStream=9090\nBacklog=1\n",
          "# Mine.\n" + start + "ListenStream=9090\n", " " + start + "ListenStream=9090\n"})
        EXPECT_FALSE(ctl::is_own_drop_in(other)) << other;
}

TEST(Locator, ServersAsTheyAreTyped) {
    for (const auto& [typed, url] : {std::pair{"5001", "http://localhost:5001"},
                                     {":5001", "http://localhost:5001"},
                                     {"app:80", "http://app:80"},
                                     {"app", "http://app"},
                                     {"http://app", "http://app"},
                                     {"unix:/run/x", "unix:/run/x"},
                                     {"ftp://x", "ftp://x"},
                                     {"[::1]:80", "http://[::1]:80"}})
        EXPECT_EQ(with_scheme(typed), url);
}

}  // namespace
}  // namespace otto
