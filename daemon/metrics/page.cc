#include "metrics/page.h"

#include <algorithm>
#include <span>
#include <utility>

#include "metrics/exposition.h"
#include "metrics/families.h"

namespace otto::metrics {

namespace {

/// With the two dozen lines that a histogram has for each, that is well below a millisecond.
constexpr std::size_t servers_per_step = 50;

}  // namespace

Page::Page(Readings readings) : readings_(std::move(readings)) {
    servers_.reserve(readings_.snapshot->members().size());
}

bool Page::read_some() {
    const auto& members = readings_.snapshot->members();
    const std::size_t end = std::min(servers_.size() + servers_per_step, members.size());
    if (servers_.size() == end) return false;
    while (servers_.size() < end) servers_.emplace_back(*members[servers_.size()].server->metrics);
    return true;
}

bool Page::step(std::string& text) {
    if (read_some()) return true;
    const auto rows = families_in_all();
    if (family_ >= rows.size()) return step_of_servers(text, family_ - rows.size());
    const FamilyRow& row = rows[family_++];
    prometheus::MetricFamily family{row.name, row.help, row.type, {}};
    row.fill({readings_, process_, {}, {}, {}}, family.metric);
    Exposition::append_head(text, family);
    Exposition::append_metrics(text, family);
    return true;
}

bool Page::step_of_servers(std::string& text, std::size_t at) {
    const auto rows = families_of_servers();
    if (at >= rows.size()) return false;
    const FamilyRow& row = rows[at];
    prometheus::MetricFamily family{row.name, row.help, row.type, {}};
    if (server_ == 0) Exposition::append_head(text, family);
    const std::span<const Member> members = readings_.snapshot->members();
    const std::size_t count = std::min(servers_per_step, members.size() - server_);
    row.fill({readings_, process_, members.subspan(server_, count),
              std::span(readings_.standings).subspan(server_, count),
              std::span(servers_).subspan(server_, count)},
             family.metric);
    Exposition::append_metrics(text, family);
    server_ += count;
    if (server_ < members.size()) return true;
    server_ = 0;
    ++family_;
    return true;
}

std::vector<std::string> Page::names() {
    std::vector<std::string> names;
    for (const FamilyRow& row : families_in_all()) names.emplace_back(row.name);
    for (const FamilyRow& row : families_of_servers()) names.emplace_back(row.name);
    return names;
}

}  // namespace otto::metrics
