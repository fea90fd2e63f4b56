#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/json.h"

namespace otto::ctl {

/// How things look: in colour on a terminal, plain otherwise and with NO_COLOR
/// set.
class Output {
  public:
    enum class Colour { none, good, warning, bad, faint, strong, inverse };
    struct Cell {
        std::string text;
        Colour colour = Colour::none;
    };
    using Row = std::vector<Cell>;

    Output();
    explicit Output(bool colour) : colour_(colour) {}

    /// Columns as wide as their widest cell; the first row is the heading.
    std::string table(const std::vector<Row>& rows) const;
    std::string paint(std::string_view text, Colour colour) const;

  private:
    bool colour_ = false;
};

/// What `changes` (an overlay) make of the file `before`, a line each: "~
/// server a: weight 1 → 3".
std::string describe_changes(const Json& before, const Json& changes, const Output& output);

}  // namespace otto::ctl
