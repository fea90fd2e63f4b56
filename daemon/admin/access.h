#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admin/plain_message.h"
#include "base/result.h"

namespace otto::admin {

/// The token that changes over TCP need: 256 random bits in hexadecimal, kept as "admin-token" in
/// the state directory, or where there is none until the process ends. Control thread.
class Token {
  public:
    explicit Token(std::optional<std::string> directory);

    /// Made at the first call.
    Result<std::string> get();

    /// Where an operator finds it, as a sentence.
    std::string whereabouts() const;
    /// The file that it is kept in; "" where there is none.
    std::string file() const;

  private:
    const std::optional<std::string> directory_;
    std::string value_;
};

/// The refusal of a request that comes from a web page of elsewhere (by DNS rebinding, or across
/// origins), or over TCP without the token though it is none that only reads (GET, HEAD, OPTIONS).
/// Over a UNIX socket all are let in: its mode decides who connects.
std::optional<PlainReply> refuse_stranger(const PlainRequest& request, Token& token);

/// Whether `host` (a Host field's value) is this host as a loopback address: localhost, 127.0.0.1
/// or
/// [::1], with any port.
bool is_own_host(std::string_view host);

}  // namespace otto::admin
