#include "admin/page.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include <fmt/format.h>

// Made by embed.cmake: EMBEDDED(path, symbol) for each file; assets.S has what lies between.
#define EMBEDDED(path, symbol)              \
    extern "C" const char symbol##_begin[]; \
    extern "C" const char symbol##_end[];
#include "admin/assets.inc"
#undef EMBEDDED

namespace otto::admin {

namespace {

std::string_view type_of(std::string_view path) {
    if (path == "/" || path.ends_with(".html")) return "text/html; charset=utf-8";
    if (path.ends_with(".css")) return "text/css; charset=utf-8";
    if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
    if (path.ends_with(".svg")) return "image/svg+xml";
    return "application/octet-stream";
}

Asset asset(std::string_view path, const char* begin, const char* end) {
    const std::string_view body(begin, static_cast<std::size_t>(end - begin));
    return {path, type_of(path), body,
            fmt::format("\"{:016x}\"", std::hash<std::string_view>{}(body))};
}

}  // namespace

const Asset* find_asset(std::string_view path) {
    static const std::vector<Asset> assets{
#define EMBEDDED(path, symbol) asset(path, symbol##_begin, symbol##_end),
#include "admin/assets.inc"
#undef EMBEDDED
    };
    const auto found = std::ranges::find(assets, path, &Asset::path);
    return found == assets.end() ? nullptr : &*found;
}

const std::vector<std::pair<std::string, std::string>>& page_headers() {
    static const std::vector<std::pair<std::string, std::string>> headers{
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
         "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-cache"}};
    return headers;
}

}  // namespace otto::admin
