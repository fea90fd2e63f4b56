#include "config/reader.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <limits.h>

#include "config/locator.h"
#include "config/units.h"
#include "config/values.h"
#include "config/wording.h"

namespace otto {

namespace {

std::string unknown(std::string_view name, const std::vector<const Key*>& known) {
    std::vector<std::string_view> names;
    names.reserve(known.size());
    for (const Key* key : known) names.push_back(key->name());
    const std::string meant = did_you_mean(name, names);
    if (!meant.empty()) return fmt::format("unknown key {}{}", quoted(name), meant);
    return fmt::format("unknown key {}; expected {}", quoted(name), alternatives(names));
}

const Json* member(const Json* object, std::string_view name) {
    if (object == nullptr || object->kind != Json::Kind::object) return nullptr;
    for (const Json& child : object->children)
        if (child.key == name) return &child;
    return nullptr;
}

bool is_token(const Key& key, std::string_view text) {
    constexpr std::string_view allowed =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~";
    return text.size() >= key.min && text.size() <= key.max &&
           text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Why a path cannot be that of a file; "" when it can.
std::string check_file(std::string_view path) {
    if (path.size() >= PATH_MAX) return "the path is too long";
    if (printable(path) != path) return "the path contains a control character";
    if (path.back() == '/') return "the path ends with a slash";
    return "";
}

bool overlap(const ListenConfig& left, const ListenConfig& right) {
    if (left.port != right.port) return false;
    return left.host == right.host || (left.port != 0 && (left.host.empty() || right.host.empty()));
}

}  // namespace

Config ConfigReader::read(const Json& root) {
    if (root.kind != Json::Kind::object) {
        const Key document{"", KeyType::object, "", 0, 0, true, ""};
        refuse(document, root, "");
        return config_;
    }
    read_members(root, "", "",
                 [this](const Key& key, const Json& value, const std::string& pointer) {
                     read_key(key, value, pointer);
                 });
    if (member(&root, "servers") == nullptr)
        problems_.add(root.begin, "", "the key \"servers\" is missing");
    check_intervals(root);
    check_ejection(root);
    check_proxy_protocol(root);
    return config_;
}

void ConfigReader::refuse(const Key& key, const Json& value, const std::string& pointer,
                          std::string_view reason) {
    problems_.add(value.begin, pointer,
                  reason.empty() ? mismatch(key, value, source_)
                                 : mismatch(expected(key), value, source_, reason));
}

void ConfigReader::refuse(std::string_view what, const Json& value, const std::string& pointer,
                          std::string_view reason) {
    problems_.add(value.begin, pointer, mismatch(what, value, source_, reason));
}

void ConfigReader::read_members(const Json& object, std::string_view inside,
                                const std::string& pointer, const Visit& visit) {
    const std::vector<const Key*> known = keys_inside(inside);
    std::map<std::string_view, std::uint32_t> seen;
    for (const Json& child : object.children) {
        const std::string place = pointer_to(pointer, child.key);
        if (const auto [first, added] = seen.emplace(child.key, child.key_begin); !added) {
            problems_.add(child.key_begin, place,
                          fmt::format("duplicate key {}, first seen in line {}", quoted(child.key),
                                      problems_.line_of(first->second)));
            continue;
        }
        const auto key = std::find_if(known.begin(), known.end(), [&child](const Key* each) {
            return each->name() == child.key;
        });
        if (key == known.end()) {
            problems_.add(child.key_begin, place, unknown(child.key, known));
        } else {
            visit(**key, child, place);
        }
    }
}

void ConfigReader::read_key(const Key& key, const Json& value, const std::string& pointer) {
    const auto assign = [&, this](auto place, const auto& read) {
        if (!read) return refuse(key, value, pointer);
        auto& target = place(config_);
        target = static_cast<std::decay_t<decltype(target)>>(*read);
    };
    switch (key.type) {
        case KeyType::object:
            if (value.kind != Json::Kind::object) return refuse(key, value, pointer);
            if (const auto* given = std::get_if<bool& (*)(Config&)>(&key.place))
                (*given)(config_) = true;
            return read_members(
                value, key.pointer, pointer,
                [this](const Key& inner, const Json& child, const std::string& place) {
                    read_key(inner, child, place);
                });
        case KeyType::count: {
            const auto count = as_count(key, value, source_);
            const auto* narrow = std::get_if<unsigned& (*)(Config&)>(&key.place);
            if (narrow != nullptr) return assign(*narrow, count);
            return assign(std::get<std::uint64_t& (*)(Config&)>(key.place), count);
        }
        case KeyType::size:
            return assign(std::get<std::uint64_t& (*)(Config&)>(key.place),
                          as_size(key, value, source_));
        case KeyType::rate:
            return assign(std::get<std::uint64_t& (*)(Config&)>(key.place),
                          as_rate(key, value, source_));
        case KeyType::duration:
            return assign(std::get<Duration& (*)(Config&)>(key.place), as_duration(key, value));
        case KeyType::fraction:
            return assign(std::get<double& (*)(Config&)>(key.place),
                          as_fraction(key, value, source_));
        case KeyType::boolean:
            return assign(std::get<bool& (*)(Config&)>(key.place), as_boolean(value, source_));
        case KeyType::choice:
            return read_choice(key, value, pointer);
        case KeyType::path:
        case KeyType::host:
        case KeyType::token:
        case KeyType::log_target:
            return read_string(key, value, pointer);
        case KeyType::status:
            return read_status(key, value, pointer);
        case KeyType::listens:
            return read_listens(key, value, pointer);
        case KeyType::local_listens:
            return read_local_listens(key, value, pointer);
        case KeyType::servers:
            return read_servers(key, value, pointer);
        case KeyType::cidrs:
            return read_cidrs(key, value, pointer);
        case KeyType::statuses:
            return read_statuses(key, value, pointer);
        case KeyType::text:
        case KeyType::server_url:
            return;  // of a server only
    }
}

void ConfigReader::read_choice(const Key& key, const Json& value, const std::string& pointer) {
    const auto choice = as_choice(key, value);
    if (!choice) return refuse(key, value, pointer);
    const auto* text = std::get_if<std::string& (*)(Config&)>(&key.place);
    if (text != nullptr) {
        (*text)(config_) = value.text;
    } else {
        std::get<void (*)(Config&, std::size_t)>(key.place)(config_, *choice);
    }
}

void ConfigReader::read_string(const Key& key, const Json& value, const std::string& pointer) {
    if (value.kind != Json::Kind::string) return refuse(key, value, pointer);
    std::string wrong;
    if (key.type == KeyType::path) {
        wrong = check_path(value.text, true);
    } else if (key.type == KeyType::token) {
        if (!is_token(key, value.text)) return refuse(key, value, pointer);
    } else if (key.type == KeyType::log_target) {
        if (!as_choice(key, value)) {
            if (value.text.empty() || value.text.front() != '/') return refuse(key, value, pointer);
            wrong = check_file(value.text);
        }
    } else if (!value.text.empty()) {
        if (const auto host = parse_authority(value.text); !host) wrong = host.error().message;
    }
    if (!wrong.empty()) return refuse(key, value, pointer, wrong);
    std::get<std::string& (*)(Config&)>(key.place)(config_) = value.text;
}

void ConfigReader::read_status(const Key& key, const Json& value, const std::string& pointer) {
    const auto status = as_status(key, value);
    if (!status) return refuse(key, value, pointer);
    config_.health_check.status_min = status->first;
    config_.health_check.status_max = status->second;
}

bool ConfigReader::check_list(const Key& key, const Json& value, const std::string& pointer) {
    const std::size_t count = value.children.size();
    if (value.kind == Json::Kind::list && count >= key.min && count <= key.max) return true;
    refuse(key, value, pointer);
    return false;
}

void ConfigReader::read_listens(const Key& key, const Json& value, const std::string& pointer) {
    const bool list = value.kind == Json::Kind::list;
    if (list && !check_list(key, value, pointer)) return;
    config_.port.clear();
    const std::string what = list ? R"(":PORT" or "ADDRESS:PORT")" : expected(key);
    const auto add = [this, &what](const Json& item, const std::string& place) {
        // Also tried with a number, since 8080 for ":8080" deserves a better answer than its type.
        const bool number = item.kind == Json::Kind::number;
        if (!number && item.kind != Json::Kind::string) return refuse(what, item, place);
        const auto listen = parse_listen(number ? item.spelling(source_) : item.text);
        if (!listen) return refuse(what, item, place, listen.error().message);
        for (const ListenConfig& other : config_.port)
            if (overlap(other, *listen))
                return problems_.add(item.begin, place,
                                     fmt::format("duplicate address {}: {} already includes it",
                                                 quoted(listen->text), quoted(other.text)));
        config_.port.push_back(*listen);
    };
    if (!list) return add(value, pointer);
    for (std::size_t at = 0; at < value.children.size(); ++at)
        add(value.children[at], pointer_to(pointer, at));
}

void ConfigReader::read_local_listens(const Key& key, const Json& value,
                                      const std::string& pointer) {
    const bool list = value.kind == Json::Kind::list;
    if (list && !check_list(key, value, pointer)) return;
    const std::string what =
        list ? R"(":PORT", "127.0.0.1:PORT", "[::1]:PORT" or "unix:/PATH")" : expected(key);
    std::vector<Address> known;
    const auto add = [&](const Json& item, const std::string& place) {
        if (item.kind != Json::Kind::string) return refuse(what, item, place);
        const auto local = parse_local_listen(item.text);
        if (!local) return refuse(what, item, place, local.error().message);
        if (std::ranges::find(known, *local) != known.end())
            return problems_.add(item.begin, place,
                                 fmt::format("duplicate address {}", quoted(item.text)));
        known.push_back(*local);
        config_.admin.port.push_back(item.text);
    };
    if (!list) return add(value, pointer);
    for (std::size_t at = 0; at < value.children.size(); ++at)
        add(value.children[at], pointer_to(pointer, at));
}

void ConfigReader::read_cidrs(const Key& key, const Json& value, const std::string& pointer) {
    if (!check_list(key, value, pointer)) return;
    for (std::size_t at = 0; at < value.children.size(); ++at) {
        const Json& item = value.children[at];
        const bool text = item.kind == Json::Kind::string;
        const auto cidr = Cidr::parse(text ? item.text : "");
        if (cidr) {
            config_.trusted_proxies.push_back(*cidr);
        } else {
            refuse(R"(a range such as "10.0.0.0/8" or an address)", item, pointer_to(pointer, at),
                   text ? cidr.error().message : "");
        }
    }
}

void ConfigReader::read_statuses(const Key& key, const Json& value, const std::string& pointer) {
    if (!check_list(key, value, pointer)) return;
    auto& statuses = std::get<std::vector<unsigned>& (*)(Config&)>(key.place)(config_);
    statuses.clear();
    for (std::size_t at = 0; at < value.children.size(); ++at) {
        const Json& item = value.children[at];
        const bool number = item.kind == Json::Kind::number;
        const auto status = parse_whole(number ? item.spelling(source_) : "");
        if (status && *status >= least_error_status && *status <= greatest_error_status) {
            statuses.push_back(static_cast<unsigned>(*status));
        } else {
            refuse("a status from 500 to 599", item, pointer_to(pointer, at));
        }
    }
}

void ConfigReader::check_intervals(const Json& root) {
    const Json* flat = member(&root, "healthCheckInterval");
    const Json* nested = member(member(&root, "healthCheck"), "interval");
    if (flat == nullptr || nested == nullptr) return;
    const auto one = parse_duration(flat->text);
    const auto other = parse_duration(nested->text);
    if (!one || !other || *one == *other) return;
    const bool nested_last = nested->begin > flat->begin;
    const Json& first = nested_last ? *flat : *nested;
    const Json& second = nested_last ? *nested : *flat;
    problems_.add(
        second.begin, nested_last ? "/healthCheck/interval" : "/healthCheckInterval",
        fmt::format("{} contradicts {} in line {}: both keys have the same meaning",
                    quoted(second.text), quoted(first.text), problems_.line_of(first.begin)));
}

void ConfigReader::check_ejection(const Json& root) {
    const EjectionConfig& ejection = config_.ejection;
    if (ejection.base <= ejection.max) return;
    const Json* base = member(member(&root, "ejection"), "base");
    const Json* max = member(member(&root, "ejection"), "max");
    problems_.add((base != nullptr ? base : max)->begin,
                  base != nullptr ? "/ejection/base" : "/ejection/max",
                  fmt::format("\"base\" ({}) is longer than \"max\" ({})",
                              duration_text(ejection.base), duration_text(ejection.max)));
}

void ConfigReader::check_proxy_protocol(const Json& root) {
    if (!config_.proxy_protocol) return;
    // A list that was refused has been reported; only an empty one contradicts.
    const Json* trusted = member(&root, "trustedProxies");
    const bool empty =
        trusted == nullptr || (trusted->kind == Json::Kind::list && trusted->children.empty());
    if (!empty) return;
    problems_.add(member(&root, "proxyProtocol")->begin, "/proxyProtocol",
                  "true needs \"trustedProxies\", which is empty: PROXY headers are accepted only "
                  "from the proxies listed there");
}

}  // namespace otto
