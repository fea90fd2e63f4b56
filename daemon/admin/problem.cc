#include "admin/problem.h"

#include <utility>
#include <variant>

#include "config/json_tree.h"
#include "config/problems.h"
#include "http/error_reply.h"

namespace otto::admin {

namespace {

http::PlainReply problem_of(unsigned status, std::string_view detail, Json errors) {
    Json json = Json::object();
    json.set("type", Json::string("about:blank"));
    json.set("title", Json::string(http::reason_phrase(status)));
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

namespace {

http::PlainReply list_problems(unsigned status, const std::vector<ConfigProblem>& problems,
                               const std::string& prefix, bool positions) {
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
    return problem_of(status, detail, std::move(errors));
}

}  // namespace

http::PlainReply invalid(const std::vector<ConfigProblem>& problems, const std::string& prefix,
                         bool positions) {
    return list_problems(422, problems, prefix, positions);
}

http::PlainReply malformed(std::string_view body) {
    const auto parsed = parse_json(body);
    const auto* fault = std::get_if<JsonFault>(&parsed);
    if (fault == nullptr) {
        // What parses and is refused has a key twice.
        const auto json = Json::parse(body);
        return problem(400, "The body is not JSON: " + (json ? "" : json.error().message));
    }
    Problems problems(body, "body");
    problems.add(fault->offset, "", "not JSON: " + fault->message);
    return list_problems(400, problems.take(), "", true);
}

http::PlainReply wrong_type(const std::string& detail) {
    return problem(422, detail, {{"", detail}});
}

http::PlainReply json_reply(unsigned status, const Json& json) {
    return {.status = status,
            .body = json.pretty(),
            .type = "application/json",
            .fields = api_fields()};
}

std::vector<std::pair<std::string, std::string>> api_fields() {
    return {{"X-Content-Type-Options", "nosniff"}, {"Cross-Origin-Resource-Policy", "same-origin"}};
}

}  // namespace otto::admin
