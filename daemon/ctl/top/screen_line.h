#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "ctl/console/output.h"
#include "ctl/console/text.h"

namespace otto::ctl {

/// A line of the screen in the making. It never gets wider than the screen, whatever it is made of.
class ScreenLine {
  public:
    ScreenLine(const Output& output, std::size_t columns, bool utf8)
        : output_(output), columns_(columns), utf8_(utf8) {}

    /// In so many columns, or as many as are left.
    ScreenLine& cell(std::string_view text, std::size_t width, Align align = Align::left,
                     Output::Colour colour = Output::Colour::none) {
        const std::size_t most = std::min(width, columns_ - used_);
        text_ += output_.paint(fitted(text, most, align, utf8_), colour);
        used_ += most;
        return *this;
    }
    /// As wide as it is.
    ScreenLine& text(std::string_view text, Output::Colour colour = Output::Colour::none) {
        return cell(text, columns_of(harmless(text, utf8_)), Align::left, colour);
    }
    ScreenLine& space(std::size_t width = 2) { return cell("", width); }
    std::size_t left() const { return columns_ - used_; }
    std::string done() { return std::move(text_); }

  private:
    const Output& output_;
    const std::size_t columns_;
    const bool utf8_;
    std::string text_;
    std::size_t used_ = 0;
};

}  // namespace otto::ctl
