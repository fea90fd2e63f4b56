#pragma once

#include <string_view>

#include "http/message.h"

namespace otto::http1 {

/// The transfer codings of a request, of all its fields together. Well-formed but unknown ones,
/// before chunked or alone, are 501 (RFC 9112 §6.1); what only resembles "chunked", or has it twice
/// or not last, or is longer than any coding, is 400.
class TransferCodings {
  public:
    /// The value of a Transfer-Encoding field.
    void add(std::string_view value);

    /// Whether there was any such field.
    bool seen() const { return seen_; }
    http::Refusal verdict() const;

  private:
    bool add_coding(std::string_view coding);

    bool seen_ = false;
    bool malformed_ = false;
    bool unknown_ = false;
    bool chunked_ = false;
};

}  // namespace otto::http1
