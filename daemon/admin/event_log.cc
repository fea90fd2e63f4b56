#include "admin/event_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "admin/render.h"
#include "config/json.h"
#include "config/utf8.h"

namespace otto::admin {

namespace {

/// Well-formed: what is not is replaced, and what is too long is cut between characters.
std::string clean_utf8(std::string_view text, std::size_t longest) {
    std::string clean;
    while (!text.empty() && clean.size() < longest) {
        const std::size_t bad = std::min(find_invalid_utf8(text), text.size());
        std::size_t good = std::min(bad, longest - clean.size());
        while (good > 0 && good < bad && (static_cast<unsigned char>(text[good]) & 0xc0) == 0x80)
            --good;
        clean += text.substr(0, good);
        if (good < bad) break;
        text.remove_prefix(bad);
        if (text.empty()) break;
        clean += "\xef\xbf\xbd";
        text.remove_prefix(1);
    }
    return clean;
}

std::string lower(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each + ('a' - 'A')) : each;
    });
    return text;
}

}  // namespace

std::string event_text(std::string_view name, std::string_view data, std::uint64_t id) {
    const std::string field = id == 0 ? "" : fmt::format("id: {}\n", id);
    return fmt::format("{}event: {}\ndata: {}\n\n", field, name, data);
}

EventLog::EventLog(std::chrono::system_clock::time_point now)
    : next_(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count())) {}

const std::string& EventLog::add(const LogRecord& record) {
    Json fields = Json::object();
    for (const LogField& field : record.fields)
        fields.set(lower(field.name), Json::string(clean_utf8(field.value, longest_text)));
    Json json = Json::object();
    json.set("time", Json::string(rfc3339(record.time)));
    json.set("priority", Json::string(to_string(record.priority)));
    json.set("type", Json::string(record.type == nullptr ? "" : record.type->slug));
    json.set("text", Json::string(clean_utf8(record.text, longest_text)));
    json.set("fields", std::move(fields));
    const bool of_request = record.type == &messages::request_failed;
    kept_.push_back({next_, of_request, event_text("record", json.compact(), next_)});
    ++next_;
    all_ = {};
    if (of_request && ++of_requests_ > most_of_requests) {
        kept_.erase(std::ranges::find(kept_, true, &Kept::of_request));
        --of_requests_;
    } else if (kept_.size() > most) {
        if (kept_.front().of_request) --of_requests_;
        kept_.pop_front();
    }
    return kept_.back().text;
}

http::SharedText EventLog::after(std::optional<std::uint64_t> id) {
    if (all_.text.empty()) {
        std::string all;
        for (const Kept& each : kept_) all += each.text;
        all_ = http::SharedText::of(std::move(all));
    }
    const bool known = id && *id < next_ && !kept_.empty() && *id + 1 >= kept_.front().id;
    std::size_t before = 0;
    for (std::size_t at = 0; known && at < kept_.size() && kept_[at].id <= *id; ++at)
        before += kept_[at].text.size();
    return all_.without(before);
}

}  // namespace otto::admin
