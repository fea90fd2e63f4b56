#include "incoming.h"

#include <fmt/format.h>

namespace exchanges {

void Incoming::begin() {
    reader_.reset();
    reader_.keep_head(true);
    marker_.reset();
    ended_ = until_close_ = false;
    length_ = 0;
}

Incoming::Event Incoming::next(std::string_view& bytes) {
    using State = bench::MessageReader::State;
    for (;;) {
        if (ended_ || (reader_.done() && !until_close_)) return Event::done;
        if (bytes.empty()) return Event::more;
        if (until_close_) {
            length_ += bytes.size();
            return take_body(bytes, length_ - bytes.size(), bytes.size());
        }
        const std::uint64_t body = std::min<std::uint64_t>(reader_.plain_bytes(), bytes.size());
        if (body > 0) {
            const std::uint64_t at = reader_.body_length();
            reader_.dropped(body);
            if (take_body(bytes, at, body) == Event::foreign) return Event::foreign;
            continue;
        }
        const bool was_head = in_head();
        bytes.remove_prefix(reader_.step(bytes));
        if (reader_.state() == State::broken) return Event::broken;
        if (!was_head || in_head()) continue;
        return reader_.status() >= 100 && reader_.status() < 200 ? Event::interim : Event::head;
    }
}

Incoming::Event Incoming::take_body(std::string_view& bytes, std::uint64_t at,
                                    std::uint64_t count) {
    const std::string_view body = bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (!marker_) return Event::more;
    const std::size_t right = marker_->matching(at, body);
    if (right == count) return Event::more;
    foreign_at_ = at + right;
    foreign_ = body.substr(right, 400);
    return Event::foreign;
}

std::string Incoming::describe_foreign() const {
    constexpr std::uint64_t furthest = 1 << 20;
    for (std::uint64_t at = 0; foreign_.size() >= 8 && at < furthest; ++at) {
        if (marker_->matching(at, foreign_) == foreign_.size())
            return fmt::format("byte {} is followed by byte {}", foreign_at_, at);
    }
    return fmt::format("byte {} is followed by {:?}", foreign_at_, foreign_);
}

std::string_view Incoming::field(std::string_view name) const {
    std::string_view rest = head();
    while (true) {
        const auto end = rest.find("\r\n");
        if (end == std::string_view::npos) return {};
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        if (line.size() <= name.size() || line[name.size()] != ':' ||
            strncasecmp(line.data(), name.data(), name.size()) != 0)
            continue;
        std::string_view value = line.substr(name.size() + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        return value;
    }
}

}  // namespace exchanges
