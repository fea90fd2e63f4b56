#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/time.h"

namespace otto::accesslog {

/// Where the access log spells one record: memory that is there already, so that adding to it is
/// a copy and no more. What comes from outside is left out when there is no room for the worst that
/// may become of it, which with Limits does not happen; what is fixed in a record, names,
/// marks and numbers, always has `slack` beside it. Of one thread.
class LogText {
  public:
    LogText() : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), end_(bytes_.get()) {}

    void clear() { end_ = bytes_.get(); }
    std::string_view view() const {
        return {bytes_.get(), static_cast<std::size_t>(end_ - bytes_.get())};
    }

    // What is fixed.
    LogText& put(char byte) {
        *end_++ = byte;
        return *this;
    }
    LogText& put(std::string_view text) {
        std::memcpy(end_, text.data(), text.size());
        end_ += text.size();
        return *this;
    }
    LogText& put_number(std::uint64_t number);
    /// At least `digits` of them, by zeros in front.
    LogText& put_padded(std::uint64_t number, int digits);
    /// Seconds with microseconds, "1.234567".
    LogText& put_seconds(Duration duration);
    /// "192.0.2.1" of an IPv4-mapped address, if `ipv4`, else "2001:db8::1".
    LogText& put_ip(const std::array<std::uint8_t, 16>& ip, bool ipv4);

    // What comes from outside.

    /// As it is.
    LogText& add(std::string_view text) { return has_room(text.size()) ? put(text) : *this; }
    /// As it is, but for unsafe characters (config/utf8.h), which are escaped as in JSON.
    LogText& add_visible(std::string_view text) {
        if (has_room(text.size() * most_escaped)) put_visible(text);
        return *this;
    }
    /// The inside of a JSON string (RFC 8259 §7). Unsafe characters (config/utf8.h) are escaped,
    /// and each byte that is not UTF-8 becomes U+FFFD.
    LogText& add_json(std::string_view text);
    /// Printable ASCII as it is, but for quotes and backslashes, which become \xHH like the rest.
    LogText& add_escaped(std::string_view text);

  private:
    static constexpr std::size_t capacity = std::size_t{64} * 1024;
    static constexpr std::size_t slack = std::size_t{4} * 1024;
    static constexpr std::size_t most_escaped = 6;  // bytes that one byte may become

    bool has_room(std::size_t size) const { return view().size() + size + slack <= capacity; }
    std::string_view put_plain_run(std::string_view text);
    void put_unicode_escape(unsigned character);
    void put_visible(std::string_view text);
    void put_high(std::string_view text);

    std::unique_ptr<char[]> bytes_;
    char* end_;
};

}  // namespace otto::accesslog
