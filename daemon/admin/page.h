#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace otto::admin {

/// A file of the web page, embedded in the program when it was built. Lives as long as it does.
struct Asset {
    std::string_view path;  // "/style.css"; the page itself is "/"
    std::string_view type;  // Content-Type
    std::string_view body;
    std::string tag;  // an entity tag (RFC 9110 §8.8.3) of the body
};

/// All of them are in ui/, but for the library that draws the charts. Null: no such file. Control
/// thread.
const Asset* find_asset(std::string_view path);

/// The fields that each of them is served with. The page runs nothing and shows nothing but these
/// files, talks only to the host that served it, and cannot be framed (Content Security Policy,
/// Level 3). Browsers ask again each time, so that a page never meets the API of another version.
const std::vector<std::pair<std::string, std::string>>& page_headers();

}  // namespace otto::admin
