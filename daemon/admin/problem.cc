#include "admin/problem.h"

#include <utility>

namespace otto::admin {

namespace {

std::string_view title(unsigned status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 412:
            return "Precondition Failed";
        case 422:
            return "Unprocessable Content";
        default:
            return "Internal Server Error";
    }
}

http::PlainReply problem_of(unsigned status, std::string_view detail, Json errors) {
    Json json = Json::object();
    json.set("type", Json::string("about:blank"));
    json.set("title", Json::string(title(status)));
    json.set("status", Json::number(status));
    json.set("detail", Json::string(detail));
    if (!errors.children.empty()) json.set("errors", std::move(errors));
    http::PlainReply reply = json_reply(status, json);
    reply.type = "application/problem+json";
    return reply;
}

}  // namespace

http::PlainReply problem(unsigned status, const std::string& detail,
                         const std::vector<Fault>& faults) {
    Json errors = Json::list();
    for (const Fault& fault : faults)
        errors.add(Json::object()
                       .set("pointer", Json::string(fault.pointer))
                       .set("detail", Json::string(fault.detail)));
    return problem_of(status, detail, std::move(errors));
}

http::PlainReply invalid(const std::vector<ConfigProblem>& problems, const std::string& prefix,
                         bool positions) {
    Json errors = Json::list();
    for (const ConfigProblem& each : problems) {
        std::string_view pointer = each.pointer;
        if (!prefix.empty() && pointer.starts_with(prefix)) pointer.remove_prefix(prefix.size());
        Json error = Json::object();
        error.set("pointer", Json::string(pointer));
        error.set("detail", Json::string(each.message));
        if (positions) {
            error.set("line", Json::number(each.line));
            error.set("column", Json::number(each.column));
        }
        errors.add(std::move(error));
    }
    const Json& first = errors.children.front();
    std::string detail(first.text_of("pointer"));
    detail += (detail.empty() ? "" : ": ") + std::string(first.text_of("detail"));
    if (problems.size() > 1) detail += "; and " + std::to_string(problems.size() - 1) + " more";
    return problem_of(422, detail, std::move(errors));
}

http::PlainReply json_reply(unsigned status, const Json& json) {
    return {.status = status, .body = json.pretty(), .type = "application/json", .fields = {}};
}

}  // namespace otto::admin
