#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace otto {

/// Collects what is wrong with one file, and turns byte offsets into lines and columns. Lives for
/// one load; `source` outlives it.
class Problems {
  public:
    Problems(std::string_view source, std::string file);

    void add(std::size_t offset, std::string pointer, std::string message);
    bool empty() const { return found_.empty(); }
    std::size_t size() const { return found_.size(); }
    /// 1-based.
    std::size_t line_of(std::size_t offset) const;
    /// Everything so far in the order of the file.
    std::vector<ConfigProblem> take();

  private:
    struct Found {
        std::size_t offset;
        ConfigProblem problem;
    };

    std::string file_;
    std::vector<std::size_t> lines_;  // the offset of each line's first byte
    std::vector<Found> found_;
};

}  // namespace otto
