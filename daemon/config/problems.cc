#include "config/problems.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/wording.h"

namespace otto {

Problems::Problems(std::string_view source, std::string file) : file_(std::move(file)), lines_{0} {
    for (auto at = source.find('\n'); at != std::string_view::npos; at = source.find('\n', at + 1))
        lines_.push_back(at + 1);
}

std::size_t Problems::line_of(std::size_t offset) const {
    const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
    return static_cast<std::size_t>(after - lines_.begin());
}

void Problems::add(std::size_t offset, std::string pointer, std::string message) {
    const std::size_t line = line_of(offset);
    const std::size_t column = offset - lines_[line - 1] + 1;
    found_.push_back({offset, {file_, line, column, std::move(pointer), std::move(message)}});
}

std::vector<ConfigProblem> Problems::take() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Found& l, const Found& r) { return l.offset < r.offset; });
    std::vector<ConfigProblem> problems;
    problems.reserve(found_.size());
    for (Found& each : found_) problems.push_back(std::move(each.problem));
    found_.clear();
    return problems;
}

std::string ConfigProblem::text() const {
    std::string where = file;
    if (line > 0) where += fmt::format(":{}:{}", line, column);
    if (!pointer.empty()) where += ": " + pointer;
    return printable(where + ": " + message);
}

}  // namespace otto
