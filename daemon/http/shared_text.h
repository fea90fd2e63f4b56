#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace otto::http {

/// Text that many replies share. What clients have not taken of it yet refers to it and is not
/// copied. A value.
struct SharedText {
    std::string_view text;
    std::shared_ptr<const void> owner;  // of the text; null: it lives as long as the program

    static SharedText of(std::string text) {
        auto owner = std::make_shared<const std::string>(std::move(text));
        const std::string_view view = *owner;
        return {view, std::move(owner)};
    }
    /// All but the first `length` bytes.
    SharedText without(std::size_t length) const { return {text.substr(length), owner}; }
};

}  // namespace otto::http
