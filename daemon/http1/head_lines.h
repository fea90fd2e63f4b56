#pragma once

#include <cstddef>
#include <string_view>

#include "base/time.h"
#include "http/message.h"
#include "http/writer.h"

namespace otto::http1 {

/// Copies field lines that follow one another in memory as one span.
class LineRuns {
  public:
    explicit LineRuns(http::Writer& writer) : writer_(writer) {}
    ~LineRuns() { flush(); }
    LineRuns(const LineRuns&) = delete;
    LineRuns& operator=(const LineRuns&) = delete;

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

    http::Writer& writer_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
};

/// Appends the field that says how a body is delimited, if one does.
inline void append_framing(http::Writer& writer, http::Framing framing, Bytes length) {
    switch (framing) {
        case http::Framing::length:
            writer.add("Content-Length: ");
            writer.add_number(length);
            writer.add("\r\n");
            return;
        case http::Framing::chunked:
            writer.add("Transfer-Encoding: chunked\r\n");
            return;
        case http::Framing::none:
        case http::Framing::until_close:
            return;
    }
}

/// Appends Via (RFC 9110 §7.6.3) to a message that came as HTTP/1.`version_minor`.
inline void append_via(http::Writer& writer, unsigned version_minor) {
    writer.add("Via: 1.", version_minor == 0 ? "0" : "1", " otto\r\n");
}

}  // namespace otto::http1
