#include "proxy/sticky.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

#include "balance/affinity.h"
#include "http/cookie.h"

namespace otto {

namespace {

constexpr std::size_t id_length = 16;        // in hexadecimal digits
constexpr std::size_t signature_bytes = 16;  // of the digest
constexpr std::size_t value_length = id_length + 1 + 2 * signature_bytes;

}  // namespace

void StickyCookies::configure(const StickyConfig& config, const std::vector<Member>& members) {
    entries_.clear();
    config_ = config;
    if (!config_.enabled) return;
    entries_.reserve(members.size());
    for (const Member& member : members)
        entries_[server_key(member.server->url)].server = member.server.get();
}

Server* StickyCookies::find(const http::RequestHead& request) {
    http::Cookies cookies(request, config_.cookie);
    while (const auto value = cookies.next()) {
        if (value->size() != value_length) continue;
        std::uint64_t id = 0;
        const char* const end = value->data() + id_length;
        const auto parsed = std::from_chars(value->data(), end, id, 16);
        if (parsed.ec != std::errc{} || parsed.ptr != end) continue;
        const auto entry = entries_.find(id);
        if (entry == entries_.end()) continue;
        std::string& ours = entry->second.value;
        if (ours.empty()) ours = value_of(id);
        if (tls::equal_secrets(ours, *value)) return entry->second.server;
    }
    return nullptr;
}

std::string_view StickyCookies::cookie_for(const Server& server, bool secure) {
    const std::uint64_t id = server_key(server.url);
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) return {};
    std::string& value = entry->second.value;
    if (value.empty()) value = value_of(id);
    cookie_.clear();
    const auto out = std::back_inserter(cookie_);
    fmt::format_to(out, "{}={}; Path=/", config_.cookie, value);
    if (config_.ttl != Duration::zero())
        fmt::format_to(out, "; Max-Age={}",
                       std::chrono::ceil<std::chrono::seconds>(config_.ttl).count());
    cookie_.append("; HttpOnly; SameSite=Lax");
    if (secure) cookie_.append("; Secure");
    return cookie_;
}

std::string StickyCookies::value_of(std::uint64_t id) const {
    std::string value = fmt::format("{:016x}", id);
    const tls::Digest digest = tls::hmac_sha256(key_, fmt::format("{}={}", config_.cookie, value));
    value += '.';
    for (std::size_t i = 0; i < signature_bytes; ++i)
        fmt::format_to(std::back_inserter(value), "{:02x}", digest[i]);
    return value;
}

}  // namespace otto
