#include "admin/problem.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "config/json_tree.h"
#include "config/problems.h"
#include "http/error_reply.h"

namespace otto::admin {

namespace {

/// Of errors, that is how many are listed: who makes more need not know them all at once.
template <typename Error>
std::span<const Error> first_of(const std::vector<Error>& errors) {
    constexpr std::size_t most = 100;
    return std::span(errors).first(std::min(most, errors.size()));
}

PlainReply problem_of(unsigned status, std::string_view detail, Json errors,
                      std::string_view missing = "") {
    Json json = Json::object();
    json.set("type", Json::string("about:blank"));
    json.set("title", Json::string(http::reason_phrase(status)));
    json.set("status", Json::number(status));
    json.set("detail", Json::string(detail));
    if (!errors.children.empty()) json.set("errors", std::move(errors));
    if (!missing.empty()) json.set("outage", Json::string(missing));
    PlainReply reply = json_reply(status, json);
    reply.type = "application/problem+json";
    return reply;
}

}  // namespace

PlainReply problem(unsigned status, const std::string& detail, const std::vector<Fault>& faults) {
    Json errors = Json::list();
    for (const Fault& fault : first_of(faults))
        errors.add(Json::object()
                       .set("pointer", Json::string(fault.pointer))
                       .set("detail", Json::string(fault.detail)));
    return problem_of(status, detail, std::move(errors));
}

PlainReply outage(const std::string& detail, std::string_view missing) {
    return problem_of(409, detail, Json::list(), missing);
}

namespace {

PlainReply list_problems(unsigned status, const std::vector<ConfigProblem>& problems,
                         const std::string& prefix, Positions positions) {
    Json errors = Json::list();
    for (const ConfigProblem& each : first_of(problems)) {
        std::string_view pointer = each.pointer;
        if (!prefix.empty() && pointer.starts_with(prefix)) pointer.remove_prefix(prefix.size());
        Json error = Json::object();
        error.set("pointer", Json::string(pointer));
        error.set("detail", Json::string(each.message));
        if (positions == Positions::of_file) error.set("file", Json::string(each.file));
        if (positions != Positions::none) {
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

PlainReply invalid(const std::vector<ConfigProblem>& problems, const std::string& prefix,
                   Positions positions) {
    return list_problems(422, problems, prefix, positions);
}

PlainReply malformed(std::string_view body) {
    const auto parsed = parse_json(body);
    Problems problems(body, "body");
    if (const auto* fault = std::get_if<JsonFault>(&parsed)) {
        problems.add(fault->offset, "", "not JSON: " + fault->message);
    } else if (const auto twice = find_duplicate_key(std::get<Json>(parsed))) {
        problems.add(twice->offset, "", twice->message);
    }
    return list_problems(400, problems.take(), "", Positions::of_body);
}

PlainReply wrong_type(const std::string& detail) {
    return problem(422, detail, {{"", detail}});
}

PlainReply busy(const std::string& detail) {
    PlainReply reply = problem(503, detail);
    reply.fields.emplace_back("Retry-After", "10");
    return reply;
}

PlainReply json_reply(unsigned status, const Json& json) {
    return {.status = status,
            .body = json.pretty(),
            .type = "application/json",
            .fields = api_fields()};
}

std::vector<std::pair<std::string, std::string>> api_fields() {
    return {{"X-Content-Type-Options", "nosniff"}, {"Cross-Origin-Resource-Policy", "same-origin"}};
}

}  // namespace otto::admin
