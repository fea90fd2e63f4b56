#include "admin/plain_message.h"

#include <algorithm>

#include "http/message.h"

namespace otto::admin {

namespace {

int digit(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const char lower = static_cast<char>(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_field(const PlainReply& reply, std::string_view name) {
    return std::ranges::any_of(reply.fields, [name](const auto& field) {
        return http::equal_ignoring_case(field.first, name);
    });
}

}  // namespace

const std::string* PlainRequest::field(std::string_view name) const {
    for (const auto& field : fields)
        if (http::equal_ignoring_case(field.first, name)) return &field.second;
    return nullptr;
}

std::string PlainRequest::joined(std::string_view name) const {
    std::string all;
    for (const auto& field : fields)
        if (http::equal_ignoring_case(field.first, name))
            all += (all.empty() ? "" : ", ") + field.second;
    return all;
}

std::size_t PlainRequest::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(fields, [name](const auto& field) {
        return http::equal_ignoring_case(field.first, name);
    }));
}

std::string PlainRequest::parameter(std::string_view name) const {
    std::string_view rest = query;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        if (percent_decoded(pair.substr(0, equals)) == name)
            return percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    }
    return "";
}

std::string percent_decoded(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '%' && at + 2 < text.size() && digit(text[at + 1]) >= 0 &&
                            digit(text[at + 2]) >= 0;
        plain +=
            escape ? static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2])) : text[at];
        if (escape) at += 2;
    }
    return plain;
}

http::LocalHead head_of(const PlainReply& reply) {
    http::LocalHead head{.status = reply.status};
    if (!reply.type.empty()) head.fields.emplace_back("Content-Type", reply.type);
    if (!is_field(reply, "Cache-Control")) head.fields.emplace_back("Cache-Control", "no-store");
    head.fields.insert(head.fields.end(), reply.fields.begin(), reply.fields.end());
    return head;
}

}  // namespace otto::admin
