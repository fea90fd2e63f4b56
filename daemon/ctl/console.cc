#include "ctl/console.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "config/wording.h"

namespace otto::ctl {

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
    fmt::print("{}", json_ ? json : text);
    return Exit::ok;
}

void Console::remark(const std::string& message) const {
    fmt::print(stderr, "ottoctl: {}\n", printable(message));
}

Exit Console::fail(Exit exit, const std::string& message) const {
    if (json_) fmt::print("{}", Json::object().set("detail", Json::string(message)).pretty());
    remark(message);
    return exit;
}

Exit Console::refused(const Reply& reply) const {
    const Exit exit = reply.status == 404 ? Exit::unknown_server : Exit::refused;
    if (!reply.body.is_object()) return fail(exit, reply.problem());
    if (json_) fmt::print("{}", reply.text);
    const Json* errors = reply.body.find("errors");
    if (errors == nullptr || errors->children.size() < 2) {
        remark(reply.problem());
    } else {
        for (const Json& error : errors->children)
            remark(fmt::format("{}: {}", error.text_of("pointer"), error.text_of("detail")));
    }
    return exit;
}

bool is_true(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->is_true();
}

bool write_out(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        // Somebody else who has it open may have made it non-blocking.
        pollfd ready{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        if (written < 0 && errno == EAGAIN) {
            ::poll(&ready, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace otto::ctl
