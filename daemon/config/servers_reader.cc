#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "config/locator.h"
#include "config/reader.h"
#include "config/values.h"
#include "config/wording.h"

namespace otto {

namespace {

/// Finds the servers of one list that share a URL or a name.
class Duplicates {
  public:
    Duplicates(Problems& problems, const std::string& list) : problems_(problems), list_(list) {}

    /// True when the server shares neither; otherwise it has been reported where its URL or name
    /// stands.
    bool check(const ServerConfig& server, const Json& item, std::size_t index) {
        const Place place{index, item.begin};
        const auto [url, new_url] = urls_.emplace(server.url, place);
        const auto [name, new_name] = names_.emplace(server.name, place);
        if (!new_url) return report("server", server.url, "url", item, index, url->second);
        if (!new_name) return report("name", server.name, "name", item, index, name->second);
        return true;
    }

  private:
    struct Place {
        std::size_t index;
        std::size_t offset;
    };

    bool report(std::string_view what, std::string_view text, std::string_view member,
                const Json& item, std::size_t index, const Place& first) {
        std::size_t offset = item.begin;
        std::string pointer = pointer_to(list_, index);
        for (const Json& child : item.children) {
            if (child.key != member) continue;
            offset = child.begin;
            pointer = pointer_to(pointer, member);
            break;
        }
        problems_.add(offset, std::move(pointer),
                      fmt::format("duplicate {} {}: the same as {} in line {}", what, quoted(text),
                                  pointer_to(list_, first.index), problems_.line_of(first.offset)));
        return false;
    }

    Problems& problems_;
    const std::string& list_;
    std::unordered_map<std::string, Place> urls_;
    std::unordered_map<std::string, Place> names_;
};

}  // namespace

void ConfigReader::read_servers(const Key& key, const Json& value, const std::string& pointer) {
    if (!check_list(key, value, pointer)) return;
    Duplicates duplicates(problems_, pointer);
    bool all_known = true;
    bool any_weight = false;
    for (std::size_t at = 0; at < value.children.size(); ++at) {
        const Json& item = value.children[at];
        ServerConfig server;
        if (!read_server(item, pointer_to(pointer, at), server) ||
            !duplicates.check(server, item, at)) {
            all_known = false;
            continue;
        }
        any_weight = any_weight || server.weight > 0;
        config_.servers.push_back(std::move(server));
    }
    if (all_known && !any_weight)
        problems_.add(value.begin, pointer,
                      "expected at least one server with a weight above 0, found none");
}

bool ConfigReader::read_server(const Json& item, const std::string& pointer, ServerConfig& server) {
    const std::size_t problems_before = problems_.size();
    if (item.kind == Json::Kind::string) {
        static const Key& url = *keys_inside("/servers/*").front();
        read_server_url(url, item, pointer, server);
        return problems_.size() == problems_before;
    }
    if (item.kind != Json::Kind::object) {
        refuse(R"(a server's URL or an object with "url")", item, pointer);
        return false;
    }
    bool has_url = false;
    read_members(item, "/servers/*", pointer,
                 [&, this](const Key& key, const Json& value, const std::string& place) {
                     has_url = has_url || key.type == KeyType::server_url;
                     read_server_member(key, value, place, server);
                 });
    if (!has_url) problems_.add(item.begin, pointer, "the key \"url\" is missing");
    return problems_.size() == problems_before;
}

void ConfigReader::read_server_member(const Key& key, const Json& value, const std::string& pointer,
                                      ServerConfig& server) {
    if (key.type == KeyType::server_url) return read_server_url(key, value, pointer, server);
    if (key.type == KeyType::text) return read_server_name(key, value, pointer, server);
    if (const auto* number = std::get_if<unsigned& (*)(ServerConfig&)>(&key.place)) {
        const auto count = as_count(key, value, source_);
        if (!count) return refuse(key, value, pointer);
        (*number)(server) = static_cast<unsigned>(*count);
    } else if (const auto* flag = std::get_if<bool& (*)(ServerConfig&)>(&key.place)) {
        const auto on = as_boolean(value, source_);
        if (!on) return refuse(key, value, pointer);
        (*flag)(server) = *on;
    } else {
        const auto choice = as_choice(key, value);
        if (!choice) return refuse(key, value, pointer);
        std::get<void (*)(ServerConfig&, std::size_t)>(key.place)(server, *choice);
    }
}

void ConfigReader::read_server_url(const Key& key, const Json& value, const std::string& pointer,
                                   ServerConfig& server) {
    if (value.kind != Json::Kind::string) return refuse(key, value, pointer);
    auto parsed = parse_server_url(value.text);
    if (!parsed) return refuse(key, value, pointer, parsed.error().message);
    // The members may come in any order.
    server.url = std::move(parsed->url);
    server.host = std::move(parsed->host);
    server.port = parsed->port;
    server.socket_path = std::move(parsed->socket_path);
    server.base_path = std::move(parsed->base_path);
    if (server.name.empty()) server.name = std::move(parsed->name);
}

void ConfigReader::read_server_name(const Key& key, const Json& value, const std::string& pointer,
                                    ServerConfig& server) {
    const bool text = value.kind == Json::Kind::string;
    const bool fits = value.text.size() >= key.min && value.text.size() <= key.max;
    if (!text || !fits || printable(value.text) != value.text) return refuse(key, value, pointer);
    server.name = value.text;
}

}  // namespace otto
