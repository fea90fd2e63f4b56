#include "accesslog/format.h"

#include <ctime>

#include <fmt/format.h>

#include "accesslog/log_text.h"
#include "log/messages.h"
#include "sd/journal_socket.h"

namespace otto::accesslog {

namespace {

using Facts = Record::Facts;

constexpr long long million = 1'000'000;
/// Of a client that went away before it was answered: what nginx logs, and log analysers know.
constexpr std::uint64_t client_closed_request = 499;
constexpr std::string_view ellipsis = "...";

std::string_view outcome_of(const Facts& facts) {
    switch (facts.end) {
        case observe::Trace::End::complete:
            return facts.tunnel ? "tunnel" : "complete";
        case observe::Trace::End::aborted:
            return "aborted";
        case observe::Trace::End::cut:
            return "cut";
        case observe::Trace::End::too_slow:
            return "too-slow";
    }
    return "";
}

void put_client(LogText& out, const Facts& facts) {
    switch (facts.family) {
        case Record::Family::ipv4:
            out.put_ip(facts.client, true);
            return;
        case Record::Family::ipv6:
            out.put_ip(facts.client, false);
            return;
        case Record::Family::local:
            out.put("unix");
            return;
    }
}

/// The members of a JSON object, after the first.
class JsonFields {
  public:
    explicit JsonFields(LogText& out) : out_(out) {}

    void plain(std::string_view name, std::string_view value) {
        begin(name).put('"').add(value).put('"');
    }
    void text(std::string_view name, std::string_view value, bool cut = false) {
        begin(name).put('"').add_json(value);
        if (cut) out_.put(ellipsis);
        out_.put('"');
    }
    void client(const Facts& facts) {
        put_client(begin("client").put('"'), facts);
        out_.put('"');
    }
    void list(std::string_view name, std::span<const std::string_view> values) {
        char before = '[';
        begin(name);
        for (const std::string_view value : values) {
            out_.put(before).put('"').add_json(value).put('"');
            before = ',';
        }
        out_.put(']');
    }
    void number(std::string_view name, std::uint64_t value) { begin(name).put_number(value); }
    void seconds(std::string_view name, Duration value) { begin(name).put_seconds(value); }

  private:
    LogText& begin(std::string_view name) { return out_.put(",\"").put(name).put("\":"); }

    LogText& out_;
};

/// The fields of a journal record.
class JournalFields {
  public:
    JournalFields(std::string& out, LogText& value) : out_(out), value_(value) {}

    void plain(std::string_view name, std::string_view value) { text(name, value); }
    void text(std::string_view name, std::string_view value, bool cut = false) {
        begin(name).add_visible(value).put(cut ? ellipsis : "");
        end();
    }
    void client(const Facts& facts) {
        put_client(begin("client"), facts);
        end();
    }
    void list(std::string_view name, std::span<const std::string_view> values) {
        begin(name);
        for (const std::string_view value : values)
            value_.put(value_.view().empty() ? "" : " ").add_visible(value);
        end();
    }
    void number(std::string_view name, std::uint64_t value) {
        begin(name).put_number(value);
        end();
    }
    void seconds(std::string_view name, Duration value) {
        begin(name).put_seconds(value);
        end();
    }

  private:
    LogText& begin(std::string_view name) {
        name_ = "OTTO_";
        for (const char c : name) name_ += c == '_' ? c : static_cast<char>(c & ~0x20);
        value_.clear();
        return value_;
    }
    void end() { append_journal_field(out_, name_, value_.view()); }

    std::string& out_;
    LogText& value_;
    std::string name_;
};

template <typename Fields>
void add_times(Fields& fields, const Facts& facts) {
    const auto add = [&fields](std::string_view name, Duration time) {
        if (time >= Duration{}) fields.seconds(name, time);
    };
    add("wait", facts.wait);
    add("connect", facts.connect);
    add("send", facts.send);
    add("head", facts.head);
    add("total", facts.total);
}

template <typename Fields>
void add_request(Fields& fields, const Record& record) {
    const Facts& facts = record.facts;
    const auto add = [&fields](std::string_view name, std::string_view value, bool cut = false) {
        if (!value.empty()) fields.text(name, value, cut);
    };
    fields.client(facts);
    if (facts.client_port != 0) fields.number("client_port", facts.client_port);
    if (!record.method.empty()) {
        fields.text("method", record.method);
        add("target", record.target, (facts.cut & Record::cut_target) != 0);
        fields.plain("protocol", facts.version_minor == 0 ? "HTTP/1.0" : "HTTP/1.1");
    }
    add("host", record.host, (facts.cut & Record::cut_host) != 0);
    add("user_agent", record.user_agent, (facts.cut & Record::cut_user_agent) != 0);
    add("referer", record.referer, (facts.cut & Record::cut_referer) != 0);
    add("request_id", record.request_id);
    add("trace_id", record.trace_id);
}

/// All fields but the time, the same for JSON and journal.
template <typename Fields>
void add_all(Fields& fields, const Record& record) {
    const Facts& facts = record.facts;
    add_request(fields, record);
    if (facts.status != 0) fields.number("status", facts.status);
    fields.number("bytes_received", facts.received);
    fields.number("bytes_sent", facts.sent);
    if (record.tried_count > 0) fields.text("server", record.servers().back());
    if (record.tried_count > 1) fields.list("servers_tried", record.servers());
    fields.number("attempts", facts.attempts);
    fields.number("retries", facts.retries);
    fields.plain("outcome", outcome_of(facts));
    if (facts.own != observe::OwnReply::none) fields.plain("reason", to_string(facts.own));
    if (!record.detail.empty()) fields.text("detail", record.detail);
    add_times(fields, facts);
}

/// "192.0.2.1 GET /path: 200 in 0.001234 s by http://localhost:5001".
void put_summary(LogText& out, const Record& record) {
    const Facts& facts = record.facts;
    put_client(out, facts);
    out.put(' ').add_escaped(record.method.empty() ? "-" : record.method);
    out.put(' ').add_escaped(record.target.empty() ? "-" : record.target).put(": ");
    if (facts.status != 0) out.put_number(facts.status);
    if (facts.end != observe::Trace::End::complete)
        out.put(facts.status != 0 ? ", " : "").put(outcome_of(facts));
    out.put(" in ").put_seconds(facts.total).put(" s");
    if (facts.own != observe::OwnReply::none) {
        out.put(" by Otto (").put(to_string(facts.own)).put(')');
    } else if (record.tried_count > 0) {
        out.put(" by ").add_escaped(record.servers().back());
    }
}

void put_quoted(LogText& out, std::string_view text, bool cut) {
    out.put('"').add_escaped(text.empty() ? "-" : text).put(cut ? ellipsis : "").put('"');
}

std::tm local_time(std::time_t time) {
    std::tm calendar{};
    localtime_r(&time, &calendar);
    return calendar;
}

std::string utc_second(std::time_t time) {
    std::tm calendar{};
    gmtime_r(&time, &calendar);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", calendar.tm_year + 1900,
                       calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                       calendar.tm_sec);
}

/// As in "[10/Oct/2026:13:55:36 -0700]".
std::string local_second(std::time_t time) {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::tm calendar = local_time(time);
    const long minutes = calendar.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    return fmt::format(" - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} {}{:02}{:02}] ", calendar.tm_mday,
                       months.substr(static_cast<std::size_t>(calendar.tm_mon) * 3, 3),
                       calendar.tm_year + 1900, calendar.tm_hour, calendar.tm_min, calendar.tm_sec,
                       minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

}  // namespace

void Format::set_clock(TimePoint now, std::chrono::system_clock::time_point wall) {
    to_wall_ = std::chrono::nanoseconds(wall.time_since_epoch()) - now.time_since_epoch();
}

long long Format::microseconds_of(const Record& record) const {
    return std::chrono::floor<std::chrono::microseconds>(record.facts.begun.time_since_epoch() +
                                                         to_wall_)
        .count();
}

void Format::put_utc(const Record& record) {
    const long long time = microseconds_of(record);
    const long long second = time / million;
    if (second != utc_.number) utc_ = {second, utc_second(second)};
    line_.put(utc_.text).put_padded(static_cast<std::uint64_t>(time % million), 6).put('Z');
}

void Format::append_json(std::string& out, const Record& record) {
    line_.clear();
    line_.put("{\"time\":\"");
    put_utc(record);
    line_.put('"');
    JsonFields fields(line_);
    add_all(fields, record);
    out.append(line_.put("}\n").view());
}

void Format::append_combined(std::string& out, const Record& record) {
    const Facts& facts = record.facts;
    const long long second = microseconds_of(record) / million;
    if (second != local_.number) local_ = {second, local_second(second)};
    line_.clear();
    put_client(line_, facts);
    line_.put(local_.text).put('"');
    line_.add_escaped(record.method.empty() ? "-" : record.method);
    if (!record.method.empty()) {
        line_.put(' ').add_escaped(record.target.empty() ? "-" : record.target);
        if ((facts.cut & Record::cut_target) != 0) line_.put(ellipsis);
        line_.put(facts.version_minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    }
    line_.put("\" ").put_number(facts.status != 0 ? facts.status : client_closed_request);
    line_.put(' ').put_number(facts.sent).put(' ');
    put_quoted(line_, record.referer, (facts.cut & Record::cut_referer) != 0);
    line_.put(' ');
    put_quoted(line_, record.user_agent, (facts.cut & Record::cut_user_agent) != 0);
    out.append(line_.put('\n').view());
}

void Format::append_journal(std::string& out, const Record& record) {
    line_.clear();
    put_summary(line_, record);
    append_journal_field(out, "MESSAGE", line_.view());
    append_journal_field(out, "PRIORITY", "6");
    append_journal_field(out, "SYSLOG_IDENTIFIER", "otto");
    append_journal_field(out, "MESSAGE_ID", messages::request_ended.id);
    line_.clear();
    put_utc(record);
    append_journal_field(out, "OTTO_TIME", line_.view());
    JournalFields fields(out, line_);
    add_all(fields, record);
}

}  // namespace otto::accesslog
