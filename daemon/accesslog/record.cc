#include "accesslog/record.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "http/forwarded.h"

namespace otto::accesslog {

namespace {

using Facts = Record::Facts;
static_assert(std::is_trivially_copyable_v<Facts>);

constexpr Duration not_reached{-1};

/// The texts of a record in the order in which they are written.
constexpr std::array texts{
    &Record::method,  &Record::target,     &Record::host,     &Record::user_agent,
    &Record::referer, &Record::request_id, &Record::trace_id, &Record::detail,
};
using Length = std::uint16_t;

std::string_view cut(std::string_view text, std::size_t limit, std::uint8_t bit, Facts& facts) {
    if (text.size() > limit) facts.cut |= bit;
    return text.substr(0, limit);
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
}

/// What the fields of a request say that matters here, in one pass over them.
void note_fields(const http::RequestHead& request, Record& record) {
    unsigned traceparents = 0;
    for (const http::Field& field : request.fields) {
        if (field.id != http::FieldId::other) continue;
        switch (field.name.size()) {
            case 7:
                if (http::equal_ignoring_case(field.name, "referer"))
                    record.referer =
                        cut(field.value, Limits::referer, Record::cut_referer, record.facts);
                break;
            case 10:
                if (http::equal_ignoring_case(field.name, "user-agent"))
                    record.user_agent =
                        cut(field.value, Limits::user_agent, Record::cut_user_agent, record.facts);
                break;
            case 11:
                if (!http::equal_ignoring_case(field.name, "traceparent")) break;
                record.trace_id = trace_id_of(field.value);
                ++traceparents;
                break;
        }
    }
    if (traceparents > 1) record.trace_id = {};
}

void note_client(const Ended& ended, Facts& facts) {
    const auto note = [&facts](const Address& client) {
        facts.client = client.ip_bytes();
        if (client.is_ip())
            facts.family = client.family() == AF_INET ? Record::Family::ipv4 : Record::Family::ipv6;
        facts.client_port = client.port();
    };
    const Address& peer = ended.client.peer();
    const std::vector<Cidr>& trusted = ended.trusted_proxies;
    if (trusted.empty()) {
        note(peer);
        return;
    }
    note(http::believed_client(peer, ended.client.request(), [&trusted](const Address& address) {
        return std::ranges::any_of(trusted,
                                   [&address](const Cidr& each) { return each.contains(address); });
    }));
}

void note_times(const observe::Trace& trace, Facts& facts) {
    constexpr TimePoint none{};
    facts.wait = facts.connect = facts.send = facts.head = facts.total = not_reached;
    facts.begun = trace.begun;
    const auto between = [](TimePoint from, TimePoint to) {
        return std::max(to - from, Duration{});
    };
    facts.total = between(trace.begun, trace.ended);
    const TimePoint answered = trace.answered != none ? trace.answered : trace.ended;
    facts.wait = between(trace.begun, trace.attempted != none ? trace.attempted : answered);
    if (trace.connected == none) return;
    facts.connect = between(trace.attempted, trace.connected);
    if (trace.sent != none) facts.send = between(trace.connected, trace.sent);
    if (trace.own != observe::OwnReply::none || trace.answered == none) return;
    facts.head = between(std::max(trace.connected, trace.sent), trace.answered);
}

}  // namespace

std::string_view trace_id_of(std::string_view traceparent) {
    // version "-" trace-id "-" parent-id "-" trace-flags
    constexpr std::size_t length = 2 + 1 + 32 + 1 + 16 + 1 + 2;
    if (traceparent.size() < length || traceparent[2] != '-' || traceparent[35] != '-' ||
        traceparent[52] != '-')
        return {};
    const std::string_view version = traceparent.substr(0, 2);
    const std::string_view id = traceparent.substr(3, 32);
    const std::string_view parent = traceparent.substr(36, 16);
    if (!is_hex(version) || !is_hex(id) || !is_hex(parent) || !is_hex(traceparent.substr(53, 2)) ||
        version == "ff" || all_zero(id) || all_zero(parent))
        return {};
    // Later versions may add to it.
    if (traceparent.size() > length && (version == "00" || traceparent[length] != '-')) return {};
    return id;
}

Record record_of(const Ended& ended) {
    const observe::Trace& trace = ended.trace;
    const http::RequestHead& request = ended.client.request();
    Record record;
    Facts& facts = record.facts;
    note_times(trace, facts);
    note_client(ended, facts);
    facts.received = trace.received;
    facts.sent = trace.relayed;
    facts.status = static_cast<std::uint16_t>(trace.status);
    facts.attempts = static_cast<std::uint16_t>(trace.attempts);
    facts.retries = static_cast<std::uint16_t>(trace.retries);
    facts.version_minor = static_cast<std::uint8_t>(request.version_minor);
    facts.end = trace.end;
    facts.own = trace.own;
    facts.tunnel = trace.tunnel;
    record.method = request.method_text.substr(0, Limits::method);
    record.target = cut(request.target, Limits::target, Record::cut_target, facts);
    record.host = cut(request.authority, Limits::host, Record::cut_host, facts);
    record.request_id = ended.request_id;
    if (ended.client.refusal()) record.detail = ended.client.refusal().reason;
    note_fields(request, record);
    record.tried_count = std::min(ended.tried.size(), Record::most_tried);
    for (std::size_t i = 0; i < record.tried_count; ++i) {
        const bool last = i + 1 == record.tried_count;
        const Server& server = last ? *ended.tried.back() : *ended.tried[i];
        record.tried[i] = std::string_view(server.url).substr(0, Limits::server);
    }
    return record;
}

std::size_t record_size(const Record& record) {
    std::size_t size = sizeof(Facts) + (1 + texts.size() + record.tried_count) * sizeof(Length);
    for (const auto text : texts) size += (record.*text).size();
    for (const std::string_view url : record.servers()) size += url.size();
    return size;
}

void write_record(const Record& record, std::span<char> out) {
    char* at = out.data();
    const auto put = [&at](const void* from, std::size_t size) {
        std::memcpy(at, from, size);
        at += size;
    };
    const auto put_length = [&put](std::size_t size) {
        const auto length = static_cast<Length>(size);
        put(&length, sizeof length);
    };
    const auto put_text = [&put](std::string_view text) {
        if (!text.empty()) put(text.data(), text.size());
    };
    put(&record.facts, sizeof(Facts));
    put_length(record.tried_count);
    for (const auto text : texts) put_length((record.*text).size());
    for (const std::string_view url : record.servers()) put_length(url.size());
    for (const auto text : texts) put_text(record.*text);
    for (const std::string_view url : record.servers()) put_text(url);
}

Record read_record(std::span<const char> bytes) {
    Record record;
    const char* at = bytes.data();
    const auto length = [&at] {
        Length size = 0;
        std::memcpy(&size, at, sizeof size);
        at += sizeof size;
        return std::size_t{size};
    };
    std::memcpy(&record.facts, at, sizeof(Facts));
    at += sizeof(Facts);
    record.tried_count = length();
    const char* text = at + (texts.size() + record.tried_count) * sizeof(Length);
    const auto take = [&text](std::size_t size) {
        const std::string_view taken(text, size);
        text += size;
        return taken;
    };
    for (const auto member : texts) record.*member = take(length());
    for (std::size_t i = 0; i < record.tried_count; ++i) record.tried[i] = take(length());
    return record;
}

}  // namespace otto::accesslog
