#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "base/time.h"

namespace otto::http {

/// Writes a head in small pieces: they are gathered here and appended to the string together, which
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

/// Copies field lines that follow one another in memory as one span.
class Runs {
  public:
    explicit Runs(Writer& writer) : writer_(writer) {}
    ~Runs() { flush(); }
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    void add(std::string_view line) {
        if (line.data() != end_) {
            flush();
            begin_ = line.data();
        }
        end_ = line.data() + line.size();
    }

  private:
    void flush() {
        if (begin_ != nullptr)
            writer_.add(std::string_view(begin_, static_cast<std::size_t>(end_ - begin_)));
    }

    Writer& writer_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
};

}  // namespace otto::http
