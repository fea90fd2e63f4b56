#include "accesslog/access_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accesslog/format.h"
#include "accesslog/log_text.h"
#include "accesslog/record.h"
#include "accesslog/record_ring.h"
#include "accesslog/target.h"
#include "base/address.h"
#include "base/handle.h"
#include "base/random.h"

namespace otto::accesslog {
namespace {

using namespace std::chrono_literals;

// ---- the ring ----------------------------------------------------------------------------------

bool put(RecordRing& ring, std::string_view bytes) {
    const auto room = ring.reserve(bytes.size());
    if (room.empty()) return false;
    bytes.copy(room.data(), room.size());
    ring.commit();
    return true;
}

std::string take(RecordRing& ring) {
    const auto front = ring.front();
    std::string bytes(front.begin(), front.end());
    if (!front.empty()) ring.pop();
    return bytes;
}

TEST(RecordRing, GivesBackWhatItGot) {
    RecordRing ring(1024);
    EXPECT_EQ(take(ring), "");
    EXPECT_TRUE(put(ring, "one"));
    EXPECT_TRUE(put(ring, std::string(17, '2')));
    EXPECT_EQ(take(ring), "one");
    EXPECT_EQ(take(ring), std::string(17, '2'));
    EXPECT_EQ(take(ring), "");
}

TEST(RecordRing, TakesNothingWhenFull) {
    RecordRing ring(256);
    unsigned count = 0;
    while (put(ring, "12345678")) ++count;
    EXPECT_EQ(count, 16U);
    EXPECT_EQ(take(ring), "12345678");
    EXPECT_TRUE(put(ring, "12345678"));
    EXPECT_FALSE(put(ring, "1"));
}

TEST(RecordRing, KeepsOrderAroundItsEnd) {
    RecordRing ring(256);
    Random random(1);
    std::uint64_t written = 0;
    std::uint64_t read = 0;
    for (int step = 0; step < 10'000; ++step) {
        const std::size_t size = 1 + random.next() % 60;
        if (random.fraction() < 0.6) {
            if (put(ring, std::string(size, static_cast<char>(written % 256)))) ++written;
        } else if (const std::string bytes = take(ring); !bytes.empty()) {
            EXPECT_EQ(bytes, std::string(bytes.size(), static_cast<char>(read % 256)));
            ++read;
        }
    }
    EXPECT_GT(read, 1000U);
    while (!take(ring).empty()) ++read;
    EXPECT_EQ(read, written);
    EXPECT_TRUE(ring.done_up_to(ring.end()));
}

TEST(RecordRing, PassesRecordsBetweenThreads) {
    RecordRing ring(4096);
    constexpr std::uint64_t count = 100'000;
    std::thread writer([&ring] {
        for (std::uint64_t number = 0; number < count;) {
            const std::string text = std::to_string(number) + std::string(number % 50, '.');
            if (put(ring, text)) {
                ++number;
            } else {
                std::this_thread::yield();
            }
        }
    });
    for (std::uint64_t number = 0; number < count;) {
        const std::string text = take(ring);
        if (text.empty()) {
            std::this_thread::yield();
            continue;
        }
        ASSERT_EQ(text, std::to_string(number) + std::string(number % 50, '.'));
        ++number;
    }
    writer.join();
}

// ---- records and how they are spelt ------------------------------------------------------------

Record sample() {
    Record record;
    Record::Facts& facts = record.facts;
    facts.begun = TimePoint(10s);
    facts.wait = 0ns;
    facts.connect = 1'234'567ns;
    facts.send = Duration(-1);
    facts.head = 2s;
    facts.total = 61s + 5us;
    facts.received = 5;
    facts.sent = 1'000'000;
    const auto ip = Address::from_ip("192.0.2.1", 4711);
    facts.client = ip->ip_bytes();
    facts.client_port = 4711;
    facts.family = Record::Family::ipv4;
    facts.status = 200;
    facts.attempts = 2;
    facts.retries = 1;
    record.method = "GET";
    record.target = "/a";
    record.host = "a.example";
    record.request_id = "id";
    record.tried = {"http://one:1", "http://two:2"};
    record.tried_count = 2;
    return record;
}

Format format_at(long long wall_second) {
    Format format;
    format.set_clock(TimePoint(0s), std::chrono::system_clock::time_point(
                                        std::chrono::seconds(wall_second) + 42us));
    return format;
}

std::string json(const Record& record) {
    std::string line;
    format_at(1'795'428'000 - 10).append_json(line, record);
    return line;
}

TEST(AccessRecord, ComesBackAsItWas) {
    const Record record = sample();
    std::string bytes(record_size(record), '\0');
    write_record(record, bytes);
    const Record back = read_record(bytes);
    EXPECT_EQ(json(back), json(record));
    EXPECT_EQ(back.tried_count, 2U);
    EXPECT_EQ(back.detail, "");
}

TEST(AccessRecord, TakesTheTraceIdOfValidTraceparents) {
    const std::string id = "0af7651916cd43dd8448eb211c80319c";
    const std::string rest = "-b7ad6b7169203331-01";
    EXPECT_EQ(trace_id_of("00-" + id + rest), id);
    EXPECT_EQ(trace_id_of("cc-" + id + rest + "-more"), id);
    EXPECT_EQ(trace_id_of("00-" + id + rest + "-more"), "");
    EXPECT_EQ(trace_id_of("cc-" + id + rest + ".more"), "");
    EXPECT_EQ(trace_id_of("ff-" + id + rest), "");
    EXPECT_EQ(trace_id_of("00-" + std::string(32, '0') + rest), "");
    EXPECT_EQ(trace_id_of("00-" + id + "-0000000000000000-01"), "");
    EXPECT_EQ(trace_id_of("00-0AF7651916cd43dd8448eb211c80319c" + rest), "");
    EXPECT_EQ(trace_id_of("00_" + id + rest), "");
    EXPECT_EQ(trace_id_of(""), "");
}

TEST(AccessFormat, Json) {
    EXPECT_EQ(json(sample()),
              R"({"time":"2026-11-23T10:00:00.000042Z","client":"192.0.2.1","client_port":4711,)"
              R"("method":"GET","target":"/a","protocol":"HTTP/1.1","host":"a.example",)"
              R"("request_id":"id","status":200,"bytes_received":5,"bytes_sent":1000000,)"
              R"("server":"http://two:2","servers_tried":["http://one:1","http://two:2"],)"
              R"("attempts":2,"retries":1,"outcome":"complete","wait":0.000000,)"
              R"("connect":0.001234,"head":2.000000,"total":61.000005})"
              "\n");
}

TEST(AccessFormat, Combined) {
    setenv("TZ", "America/New_York", 1);
    tzset();
    std::string line;
    Record record = sample();
    record.user_agent = "a \"b\" \\ \n\x7f\xe4";
    format_at(1'795'428'000 - 10).append_combined(line, record);
    EXPECT_EQ(line,
              R"x(192.0.2.1 - - [23/Nov/2026:05:00:00 -0500] "GET /a HTTP/1.1" 200 1000000 "-" )x"
              R"x("a \x22b\x22 \x5C \x0A\x7F\xE4")x"
              "\n");
    setenv("TZ", "UTC", 1);
    tzset();
    record = {};
    record.facts.end = observe::Trace::End::aborted;
    line.clear();
    format_at(0).append_combined(line, record);
    EXPECT_EQ(line, "unix - - [01/Jan/1970:00:00:00 +0000] \"-\" 499 0 \"-\" \"-\"\n");
}

TEST(AccessFormat, JournalFieldsAreNotForgedAndNotTurnedAround) {
    Record record = sample();
    record.user_agent = "a\nOTTO_STATUS=500";
    record.referer = "\"\\ \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8 \xc2\x9b \xff \xc3\xa4";
    std::string fields;
    format_at(0).append_journal(fields, record);
    EXPECT_NE(fields.find("\nOTTO_USER_AGENT=a\\u000aOTTO_STATUS=500\n"), std::string::npos);
    EXPECT_NE(fields.find("\nOTTO_REFERER=\"\\ \\u202e \\u2066 \\u2028 \\u009b \xff \xc3\xa4\n"),
              std::string::npos);
    EXPECT_NE(fields.find("\nOTTO_STATUS=200\n"), std::string::npos);
    EXPECT_NE(fields.find("\nOTTO_SERVERS_TRIED=http://one:1 http://two:2\n"), std::string::npos);
    EXPECT_TRUE(fields.starts_with(
        "MESSAGE=192.0.2.1 GET /a: 200 in 61.000005 s by http://two:2\nPRIORITY=6\n"));
}

std::string json_text(std::string_view text) {
    LogText out;
    return std::string(out.add_json(text).view());
}

TEST(LogText, JsonIsAlwaysUtf8) {
    EXPECT_EQ(json_text("plain"), "plain");
    EXPECT_EQ(json_text("\"\\/\n\t\x01\x7f"), R"(\"\\/\u000a\u0009\u0001\u007f)");
    EXPECT_EQ(json_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\xa6"),
              "\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\xa6");
    EXPECT_EQ(json_text("\xc2\x80\xc2\x9f\xc2\xa0"), "\\u0080\\u009f\xc2\xa0");
    EXPECT_EQ(json_text("a\xff"), "a\xef\xbf\xbd");
    // What turns text around, or ends a line.
    EXPECT_EQ(json_text("\xd8\x9c\xd8\x9d"), "\\u061c\xd8\x9d");
    EXPECT_EQ(json_text("\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90"),
              "\xe2\x80\x8d\\u200e\\u200f\xe2\x80\x90");
    EXPECT_EQ(json_text("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf"),
              "\xe2\x80\xa7\\u2028\\u202e\xe2\x80\xaf");
    EXPECT_EQ(json_text("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa"),
              "\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa");
    EXPECT_EQ(json_text("\xc2"), "\xef\xbf\xbd");
    EXPECT_EQ(json_text("\xe2\x82x"), "\xef\xbf\xbd\xef\xbf\xbdx");
    EXPECT_EQ(json_text("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(LogText, Numbers) {
    LogText out;
    out.put_number(0).put_padded(7, 3).put_padded(1234, 3).put_seconds(1'000'001us);
    EXPECT_EQ(out.view(), "000712341.000001");
    out.clear();
    out.put_ip(Address::from_ip("2001:db8::1", 0)->ip_bytes(), false);
    EXPECT_EQ(out.view(), "2001:db8::1");
}

TEST(LogText, LeavesOutWhatMayNotFit) {
    LogText out;
    const std::string large(11'000, '\x01');
    out.add_json(large).add_json("x").add_escaped(large);
    EXPECT_EQ(out.view(), "x");
    for (int i = 0; i < 1000; ++i) out.add_json("123456789\x01");
    EXPECT_LT(out.view().size(), 64U * 1024);
    EXPECT_GT(out.view().size(), 10'000U);
}

// ---- the log as a whole ------------------------------------------------------------------------

class AccessLogFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "otto-access-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        path_ = folder_ + "/access.log";
        auto log = AccessLog::open(2);
        ASSERT_TRUE(log);
        log_ = std::move(*log);
    }
    void TearDown() override {
        log_.reset();
        std::filesystem::remove_all(folder_);
    }

    bool write(unsigned worker, std::string_view target) {
        Record record = sample();
        record.target = target;
        RecordRing& ring = log_->queue().buffers[worker]->ring;
        const auto room = ring.reserve(record_size(record));
        if (room.empty()) return false;
        write_record(record, room);
        ring.commit();
        return true;
    }
    static std::string content(const std::string& path) {
        std::ifstream file(path);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    std::string folder_;
    std::string path_;
    std::unique_ptr<AccessLog> log_;
};

TEST_F(AccessLogFile, HasAllWhenItEnds) {
    log_->configure({.target = path_, .format = AccessLogConfig::Format::combined, .sample = 1});
    EXPECT_TRUE(write(0, "/one"));
    EXPECT_TRUE(write(1, "/two"));
    log_.reset();
    const std::string text = content(path_);
    EXPECT_NE(text.find("/one"), std::string::npos);
    EXPECT_NE(text.find("/two"), std::string::npos);
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST_F(AccessLogFile, WritesWhatCameBeforeAnOrderWhereItWouldHaveGone) {
    log_->configure({.target = path_, .format = {}, .sample = 1});
    EXPECT_TRUE(write(0, "/one"));
    log_->configure({.target = path_ + ".2", .format = {}, .sample = 1});
    EXPECT_TRUE(write(0, "/two"));
    log_.reset();
    // Orders that come before the thread has looked are one.
    const std::string both = content(path_) + content(path_ + ".2");
    EXPECT_NE(content(path_ + ".2").find("/two"), std::string::npos);
    EXPECT_NE(both.find("/one"), std::string::npos);
}

TEST_F(AccessLogFile, LosesNothingButCountsWhatFindsNoRoom) {
    log_->configure({.target = "/dev/full", .format = {}, .sample = 1});
    const std::string large(2000, 'x');
    unsigned fit = 0;
    while (write(0, large)) ++fit;
    EXPECT_GT(fit, Queue::ring_capacity / 2500);
    log_->configure({.target = path_, .format = {}, .sample = 1});
    log_.reset();
    const std::string text = content(path_);
    EXPECT_EQ(std::ranges::count(text, '\n'), fit);
}

/// A path that a client of the API gave may have changed since it was allowed.
TEST(AccessTarget, OfItsOwnIsARegularFileAndNoLink) {
    char folder[] = "/tmp/otto-target-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    const std::filesystem::path at(folder);
    std::ofstream(at / "victim") << "untouched";
    std::filesystem::create_symlink(at / "victim", at / "symbolic");
    std::filesystem::create_hard_link(at / "victim", at / "hard");
    ASSERT_EQ(::mkfifo((at / "fifo").c_str(), 0600), 0);
    const UniqueFd reader(::open((at / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    for (const char* name : {"symbolic", "hard", "fifo"}) {
        EXPECT_FALSE(Target::open(at / name, true)) << name;
        EXPECT_TRUE(Target::open(at / name)) << name << ", which the file may name";
    }
    for (int time = 0; time < 2; ++time)
        EXPECT_TRUE(Target::open(at / "new", true)) << "first made, then there";
    EXPECT_EQ(std::filesystem::file_size(at / "victim"), 9u);
    std::filesystem::remove_all(at);
}

}  // namespace
}  // namespace otto::accesslog
