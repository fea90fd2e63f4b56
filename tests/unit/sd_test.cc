#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/handle.h"
#include "log/journal.h"
#include "log/messages.h"
#include "log/record_fold.h"
#include "sd/connect_cure.h"
#include "sd/listen_fds.h"
#include "sd/notifier.h"
#include "sd/state.h"

namespace otto {
namespace {

using namespace std::chrono_literals;

class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "otto-sd-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(std::string_view name) const { return fmt::format("{}/{}", path_, name); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

UniqueFd bind_unix(const std::string& path, int type) {
    const sockaddr_un address = unix_address(path);
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

// Stands where systemd stands.
class Manager {
  public:
    Manager() : socket_(bind_unix(folder_ / "notify", SOCK_DGRAM)) {
        setenv("NOTIFY_SOCKET", (folder_ / "notify").c_str(), 1);
    }
    ~Manager() { unsetenv("NOTIFY_SOCKET"); }

    std::string next() {
        std::string message(4096, '\0');
        const ssize_t length = ::recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT);
        message.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return message;
    }

  private:
    Folder folder_;
    UniqueFd socket_;
};

TEST(Notifier, IsSilentWithoutAManager) {
    unsetenv("NOTIFY_SOCKET");
    Notifier notifier = Notifier::from_environment();
    EXPECT_FALSE(notifier.active());
    EXPECT_FALSE(notifier.watchdog_interval());
    notifier.ready("nobody hears");
    notifier.watchdog();
}

TEST(Notifier, SpeaksTheProtocol) {
    Manager manager;
    Notifier notifier = Notifier::from_environment();
    ASSERT_TRUE(notifier.active());
    notifier.ready("5 of 5 servers healthy");
    EXPECT_EQ(manager.next(), "READY=1\nSTATUS=5 of 5 servers healthy");
    notifier.status("two\nlines");
    EXPECT_EQ(manager.next(), "STATUS=two lines");
    notifier.watchdog();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    notifier.extend_timeout(30s);
    EXPECT_EQ(manager.next(), "EXTEND_TIMEOUT_USEC=30000000");
    notifier.stopping("draining");
    EXPECT_EQ(manager.next(), "STOPPING=1\nSTATUS=draining");
}

TEST(Notifier, DatesReloadsByTheMonotonicClock) {
    Manager manager;
    Notifier notifier = Notifier::from_environment();
    const auto before = std::chrono::floor<std::chrono::microseconds>(now().time_since_epoch());
    notifier.reloading();
    const std::string message = manager.next();
    const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_TRUE(message.starts_with(start)) << message;
    EXPECT_GE(std::stoll(message.substr(start.size())), before.count());
}

TEST(Notifier, TakesTheWatchdogMeantForThisProcess) {
    const Manager manager;
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    EXPECT_EQ(Notifier::from_environment().watchdog_interval(), Duration(10s));
    EXPECT_EQ(getenv("WATCHDOG_USEC"), nullptr);
    EXPECT_FALSE(Notifier::from_environment().watchdog_interval());

    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    EXPECT_FALSE(Notifier::from_environment().watchdog_interval());
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

UniqueFd listen_inet(int family) {
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    return fd;
}

// Passes `sockets` as systemd does, to a child, since the protocol fixes the numbers from 3 on; its
// exit status is the answer.
int passed_to_child(const std::vector<int>& sockets, const char* names,
                    const std::function<bool()>& check) {
    const pid_t child = fork();
    if (child == 0) {
        std::vector<int> copies;
        for (const int socket : sockets) copies.push_back(fcntl(socket, F_DUPFD, 100));
        for (std::size_t i = 0; i < copies.size(); ++i) dup2(copies[i], static_cast<int>(3 + i));
        setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
        if (names != nullptr) setenv("LISTEN_FDNAMES", names, 1);
        _exit(check() ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

TEST(ListenFds, NoneWithoutActivation) {
    unsetenv("LISTEN_FDS");
    const auto sockets = take_listen_fds();
    ASSERT_TRUE(sockets);
    EXPECT_TRUE(sockets->empty());
}

TEST(ListenFds, TakesEveryFamilyByName) {
    const Folder folder;
    const UniqueFd ipv4 = listen_inet(AF_INET);
    const UniqueFd local = bind_unix(folder / "http", SOCK_STREAM);
    ASSERT_EQ(::listen(local.get(), 1), 0);
    const std::string path = folder / "http";
    const auto check = [&path] {
        const auto sockets = take_listen_fds();
        if (!sockets || sockets->size() != 2 || getenv("LISTEN_FDS") != nullptr) return false;
        const PassedSocket& first = (*sockets)[0];
        const PassedSocket& second = (*sockets)[1];
        return first.fd.get() == 3 && first.name == "http" && first.address.family() == AF_INET &&
               first.address.port() != 0 && (fcntl(3, F_GETFL) & O_NONBLOCK) != 0 &&
               (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && second.name == "admin" &&
               second.address.text() == "unix:" + path;
    };
    EXPECT_EQ(passed_to_child({ipv4.get(), local.get()}, "http:admin", check), 0);
}

TEST(ListenFds, CallsUnnamedSocketsHttp) {
    const UniqueFd ipv4 = listen_inet(AF_INET);
    const auto check = [] {
        const auto sockets = take_listen_fds();
        return sockets && sockets->size() == 1 && (*sockets)[0].name == "http";
    };
    EXPECT_EQ(passed_to_child({ipv4.get()}, nullptr, check), 0);
    EXPECT_EQ(passed_to_child({ipv4.get()}, "otto-extra.socket", check), 0);
}

TEST(ListenFds, RefusesWhatCannotBeAccepted) {
    const Folder folder;
    const UniqueFd ipv4 = listen_inet(AF_INET);
    const UniqueFd datagram = bind_unix(folder / "datagram", SOCK_DGRAM);
    const UniqueFd bound = bind_unix(folder / "bound", SOCK_STREAM);
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto check = [] {
        const auto sockets = take_listen_fds();
        return !sockets && sockets.error().message.find("4 (\"odd\")") != std::string::npos &&
               fcntl(3, F_GETFD) == -1 && fcntl(4, F_GETFD) == -1;
    };
    for (const UniqueFd* const odd : {&datagram, &bound, &file}) {
        EXPECT_EQ(passed_to_child({ipv4.get(), odd->get()}, "http:odd", check), 0);
    }
}

LogRecord plain_record(std::string text) {
    return {.time = {},
            .priority = Priority::info,
            .type = nullptr,
            .text = std::move(text),
            .fields = {}};
}

TEST(Journal, RecordHasNativeFields) {
    const LogRecord full{.time = {},
                         .priority = Priority::warning,
                         .type = &messages::server_unhealthy,
                         .text = "server-1 is out",
                         .fields = {{"SERVER", "http://localhost:5001"}, {"REASON", "two\nlines"}}};
    EXPECT_EQ(
        journal_record(full),
        (std::vector<std::string>{"MESSAGE=server-1 is out", "PRIORITY=4",
                                  fmt::format("MESSAGE_ID={}", messages::server_unhealthy.id),
                                  "OTTO_SERVER=http://localhost:5001", "OTTO_REASON=two\nlines"}));
    EXPECT_EQ(journal_record(plain_record("plain")),
              (std::vector<std::string>{"MESSAGE=plain", "PRIORITY=6"}));
}

TEST(Journal, LineIsForPeople) {
    setenv("TZ", "UTC", 1);
    tzset();
    LogRecord record = plain_record("text");
    record.time = std::chrono::system_clock::time_point(1'795'428'000'123ms);
    record.priority = Priority::warning;
    record.fields = {{"SERVER", "a"}, {"TO", "healthy"}};
    EXPECT_EQ(log_line(record, {}), "2026-11-23T10:00:00.123 warning: text\n");
    record.priority = Priority::debug;
    EXPECT_EQ(log_line(record, {.colour = false, .fields = true}),
              "2026-11-23T10:00:00.123 debug: text OTTO_SERVER=a OTTO_TO=healthy\n");
    record.priority = Priority::error;
    EXPECT_EQ(log_line(record, {.colour = true, .fields = false}),
              "2026-11-23T10:00:00.123 \033[1;31merror:\033[0m text\n");
}

TEST(Messages, HaveProperIdsOfTheirOwn) {
    std::set<std::string_view> names;
    std::set<std::string_view> ids;
    for (const MessageType* const type : messages::all) {
        EXPECT_EQ(type->id.size(), 32U) << type->slug;
        for (const char digit : type->id) {
            EXPECT_TRUE(std::isdigit(digit) != 0 || (digit >= 'a' && digit <= 'f')) << type->slug;
        }
        names.insert(type->slug);
        ids.insert(type->id);
    }
    EXPECT_EQ(names.size(), messages::all.size());
    EXPECT_EQ(ids.size(), messages::all.size());
}

TEST(State, DirectoryIsTheFirstOfTheList) {
    unsetenv("STATE_DIRECTORY");
    EXPECT_EQ(state_directory(), std::nullopt);
    setenv("STATE_DIRECTORY", "", 1);
    EXPECT_EQ(state_directory(), std::nullopt);
    setenv("STATE_DIRECTORY", "/var/lib/otto:/var/lib/more", 1);
    EXPECT_EQ(state_directory(), "/var/lib/otto");
    unsetenv("STATE_DIRECTORY");
}

TEST(State, KeepsTheLastGoodConfiguration) {
    const Folder folder;
    const auto none = load_last_good(folder.path());
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().number, ENOENT);

    const std::string large(100'000, 'x');
    ASSERT_TRUE(save_last_good(folder.path(), large));
    ASSERT_TRUE(save_last_good(folder.path(), "{}\n"));
    const auto kept = load_last_good(folder.path());
    ASSERT_TRUE(kept);
    EXPECT_EQ(*kept, "{}\n");
    EXPECT_FALSE(std::filesystem::exists(folder / "last-good.json.new"));
    EXPECT_FALSE(save_last_good(folder / "missing", "{}"));
}

std::vector<std::string> names_in(const Folder& folder) {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder.path()))
        names.push_back(each.path().filename());
    std::ranges::sort(names);
    return names;
}

TEST(State, NeverWritesThroughALink) {
    const Folder folder;
    std::ofstream(folder / "victim") << "untouched";
    // Neither by the name itself, nor by a draft that somebody has foreseen.
    for (const char* name : {"last-good.json", "last-good.json.new"})
        std::filesystem::create_symlink(folder / "victim", folder / name);
    std::filesystem::create_hard_link(folder / "victim", folder / "overlay.json");
    EXPECT_TRUE(save_last_good(folder.path(), "{}"));
    EXPECT_TRUE(save_state(folder.path(), "overlay.json", "{}"));
    EXPECT_EQ(std::filesystem::file_size(folder / "victim"), 9U);
    EXPECT_FALSE(std::filesystem::is_symlink(folder / "last-good.json"));
    EXPECT_EQ(names_in(folder), (std::vector<std::string>{"last-good.json", "last-good.json.new",
                                                          "overlay.json", "victim"}));
}

TEST(State, LeavesNoDraftBehind) {
    const Folder folder;
    std::filesystem::create_directories(folder / "overlay.json/in-the-way");
    EXPECT_FALSE(save_state(folder.path(), "overlay.json", "{}"));
    EXPECT_EQ(names_in(folder), std::vector<std::string>{"overlay.json"});
}

TEST(State, ReadsRegularFilesAlone) {
    const Folder folder;
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    std::filesystem::create_symlink("/dev/zero", folder / "endless");
    std::filesystem::create_directory(folder / "folder");
    for (const char* name : {"fifo", "endless", "folder"}) {
        const auto text = load_state(folder.path(), name);
        ASSERT_FALSE(text) << name;
        EXPECT_NE(text.error().message.find("not a regular file"), std::string::npos) << name;
    }
    std::ofstream(folder / "large") << "";
    std::filesystem::resize_file(folder / "large", std::uintmax_t{65} << 20);  // a hole
    const auto text = load_state(folder.path(), "large");
    ASSERT_FALSE(text);
    EXPECT_NE(text.error().message.find("more than 64MiB"), std::string::npos);
}

TEST(RecordFold, CountsWhatIsTooMuchForASecond) {
    RecordFold fold;
    for (unsigned at = 0; at < RecordFold::most + 250; ++at)
        EXPECT_EQ(fold.admit(messages::server_healthy, "s" + std::to_string(at)),
                  at < RecordFold::most);
    EXPECT_TRUE(fold.admit(messages::server_ejected, "x")) << "kinds are apart";
    const auto folded = fold.take();
    ASSERT_EQ(folded.size(), 1u);
    EXPECT_EQ(folded[0].type, &messages::server_healthy);
    EXPECT_EQ(folded[0].count, 250u);
    const std::string first = "s" + std::to_string(RecordFold::most);
    EXPECT_TRUE(folded[0].names.starts_with(first + ", ")) << folded[0].names;
    EXPECT_LE(folded[0].names.size(), RecordFold::longest_names);
    EXPECT_TRUE(fold.take().empty());
    EXPECT_TRUE(fold.admit(messages::server_healthy, "another second"));
}

TEST(RecordFold, NamesEndWithAName) {
    for (std::size_t length = 160; length < 170; ++length) {
        RecordFold fold;
        for (unsigned at = 0; at < RecordFold::most + 100; ++at)
            fold.admit(messages::server_healthy, std::string(length, 'n'));
        const auto folded = fold.take();
        ASSERT_EQ(folded.size(), 1u);
        EXPECT_LE(folded[0].names.size(), RecordFold::longest_names);
        EXPECT_EQ(folded[0].names.back(), 'n') << length;
    }
}

// ---- what keeps Otto from its servers ----------------------------------------------------------

TEST(ConnectCureTest, PrivateTmpIsSeenInTheMounts) {
    const std::string plain =
        "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
        "30 22 0:26 / /tmp rw,nosuid - tmpfs tmpfs rw\n";
    EXPECT_FALSE(has_private_tmp(""));
    EXPECT_FALSE(has_private_tmp(plain));
    EXPECT_FALSE(
        has_private_tmp("31 22 8:1 /tmp/systemd-private-1-a.service-x /mnt rw - ext4 a rw"));
    EXPECT_TRUE(has_private_tmp(plain +
                                "31 22 8:1 /tmp/systemd-private-1f-otto.service-Xy/tmp /tmp rw "
                                "shared:9 - ext4 /dev/sda1 rw"));
    EXPECT_TRUE(
        has_private_tmp("31 22 8:1 /var/tmp/systemd-private-1f-otto.service-Xy/tmp /var/tmp "
                        "rw - ext4 /dev/sda1 rw\n" +
                        plain));
}

TEST(ConnectCureTest, TheReasonNamesTheCure) {
    const Address file = *Address::from_path("/srv/app.sock");
    const Address temporary = *Address::from_path("/tmp/app.sock");
    const Address ip = *Address::from_ip("192.0.2.1", 80);
    const Sandbox none;
    const Sandbox service{.unit = "otto-two.service", .private_tmp = true};
    const auto starts = [](const std::string& text, std::string_view begin) {
        EXPECT_TRUE(text.starts_with(begin)) << text;
    };
    const auto has = [](const std::string& text, std::string_view part) {
        EXPECT_NE(text.find(part), text.npos) << text;
    };
    const std::string denied = connect_failure_text(EACCES, file, service);
    starts(denied, "permission denied; ");
    has(denied, "SupplementaryGroups=");
    has(denied, "systemctl daemon-reload && systemctl restart otto-two");
    has(connect_failure_text(EACCES, file, none), "systemctl restart otto");
    EXPECT_EQ(connect_failure_text(EACCES, ip, service), "permission denied");

    const std::string missing = connect_failure_text(ENOENT, temporary, service);
    starts(missing, "no such file or directory; otto-two.service has its own /tmp");
    has(missing, "PrivateTmp=");
    has(missing, "/run");
    has(connect_failure_text(ENOENT, *Address::from_path("/var/tmp/a"), service), "PrivateTmp=");
    EXPECT_EQ(connect_failure_text(ENOENT, temporary, none), "no such file or directory");
    EXPECT_EQ(connect_failure_text(ENOENT, file, service), "no such file or directory");
    EXPECT_EQ(connect_failure_text(ENOENT, *Address::from_path("@tmp"), service),
              "no such file or directory");

    starts(connect_failure_text(EPERM, ip, service), "operation not permitted; IPAddressDeny= of ");
    has(connect_failure_text(EPERM, ip, none), "firewall");
    // What drops packets gives no error.
    const std::string silent = silence_cure(ip, service);
    starts(silent, "; the host may be down, or IPAddressDeny= of otto-two.service or a firewall ");
    EXPECT_EQ(connect_failure_text(ETIMEDOUT, ip, service), "connection timed out" + silent);
    EXPECT_EQ(silence_cure(*Address::from_ip("127.0.0.2", 80), service), "");
    EXPECT_EQ(silence_cure(*Address::from_ip("::1", 80), service), "");
    EXPECT_EQ(silence_cure(file, service), "");
    EXPECT_EQ(connect_failure_text(ECONNREFUSED, ip, service), "connection refused");
    EXPECT_EQ(connect_failure_text(ECONNREFUSED, temporary, service), "connection refused");
}

}  // namespace
}  // namespace otto
