#include "ctl/console/console.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "config/wording.h"

namespace otto::ctl {

Console Console::gathering(Json& list) const {
    Console other(*this);
    other.gathered_ = &list;
    return other;
}

Console::Asked Console::ask(const Request& request, const Patience& patience) const {
    return judge(client_.call(request, patience));
}

Console::Asked Console::judge(Result<Reply> reply) const {
    if (!reply && reply.error().number == EINTR)
        return {.reply = std::nullopt, .exit = Exit::interrupted};
    if (!reply)
        return {.reply = std::nullopt, .exit = fail(Exit::unreachable, reply.error().message)};
    if (!reply->ok()) return {.reply = std::nullopt, .exit = refused(*reply)};
    return {.reply = *std::move(reply), .exit = Exit::ok};
}

Exit Console::say(const std::string& json, const std::string& text) const {
    if (json_ && gathered_ != nullptr) {
        auto document = Json::parse(json);
        if (document) gathered_->add(*std::move(document));
        return Exit::ok;
    }
    const Status written = write_out(json_ ? json : text);
    return written ? Exit::ok : unwritten(written.error());
}

void Console::remark(const std::string& message) const {
    write_error("ottoctl: " + printable(message));
}

void Console::remark_unless_kept() const {
    const auto reply = client_.call({.method = "GET", .target = "/api/v1/status"},
                                    {.most = std::chrono::seconds(1)});
    if (!reply || !reply->ok()) return;
    const Json* kept = reply->body.find("changesOutliveRestart");
    if (kept == nullptr || kept->is_true()) return;
    remark(
        "this lasts until Otto restarts, because Otto has no state directory "
        "(StateDirectory=) to keep changes in");
}

Exit Console::fail(Exit exit, const std::string& message, Json document) const {
    if (json_) say(document.set("detail", Json::string(message)), "");
    remark(message);
    return exit;
}

Exit Console::unwritten(const Error& error) const {
    if (error.number != EPIPE) remark(error.message);
    return Exit::refused;
}

Exit Console::refused(const Reply& reply) const {
    const Exit exit = reply.status == 404 ? Exit::unknown_server : Exit::refused;
    const Json* errors = reply.body.find("errors");
    if (errors == nullptr || errors->children.size() < 2)
        return fail(exit, reply.problem(), reply.body);
    if (json_) say(reply.text, "");
    for (const Json& error : errors->children) remark(error_text(error));
    return exit;
}

bool is_true(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->is_true();
}

std::optional<double> number(const Json* json) {
    double parsed = 0;
    if (json == nullptr || json->kind != Json::Kind::number) return std::nullopt;
    const char* end = json->text.data() + json->text.size();
    if (std::from_chars(json->text.data(), end, parsed).ec != std::errc()) return std::nullopt;
    return parsed;
}

std::string error_text(const Json& error) {
    std::string text(error.text_of("file"));
    if (number(error.find("line")).value_or(0) > 0)
        text += fmt::format("{}{}:{}", text.empty() ? "" : ":", error.text_of("line"),
                            error.text_of("column"));
    for (const std::string_view part : {error.text_of("pointer"), error.text_of("detail")})
        if (!part.empty()) text += fmt::format("{}{}", text.empty() ? "" : ": ", part);
    return text;
}

Status write_out(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        // Somebody else who has it open may have made it non-blocking.
        pollfd ready{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        if (written < 0 && errno == EAGAIN) {
            ::poll(&ready, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            return Error::from_errno("cannot write the output");
        }
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

void write_error(const std::string& line) {
    std::fputs((line + "\n").c_str(), stderr);
}

}  // namespace otto::ctl
