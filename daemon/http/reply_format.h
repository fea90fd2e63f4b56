#pragma once

#include <cstdint>
#include <string_view>

namespace otto::http {

/// What Otto's own replies come as: text/plain, application/problem+json, text/html.
enum class ReplyFormat : std::uint8_t { text, json, html };

/// The format that an Accept field (several joined by commas) prefers, by RFC 9110 §12.5.1: the
/// highest quality value; among equals what is named more closely, then what is named first, then
/// plain text before the others. application/json asks for problem documents, too. Plain text also
/// when nothing is asked for, or nothing that Otto has: to be told what went wrong is worth more
/// than a 406. Skipped are malformed elements, those of more than 256 bytes, and those after the
/// first 64: browsers send a few hundred bytes in all. Pure, linear in the field's length.
ReplyFormat choose_reply_format(std::string_view accept);

}  // namespace otto::http
