#include "control/sticky_key.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "log/journal.h"
#include "sd/state.h"

namespace otto::control {

namespace {

constexpr std::string_view file_name = "sticky.key";

}  // namespace

Result<StickyKey> StickyKey::open(std::optional<std::string> directory) {
    std::string trouble;
    if (directory) {
        const auto kept = load_state(*directory, file_name);
        if (tls::Secret secret; kept && kept->size() == secret.size()) {
            std::ranges::copy(*kept, secret.begin());
            return StickyKey(std::move(directory), secret, true);
        }
        if (kept) {
            trouble = "its length is wrong";
        } else if (kept.error().number != ENOENT) {
            trouble = kept.error().message;
        }
    }
    const auto made = tls::make_secret();
    if (!made) return made.error();
    StickyKey key(std::move(directory), *made, false);
    key.trouble_ = std::move(trouble);
    return key;
}

void StickyKey::report() const {
    if (trouble_.empty()) return;
    log(Priority::warning, nullptr,
        "the stored key for sticky cookies cannot be used, so clients receive new cookies: " +
            trouble_);
}

void StickyKey::keep() {
    if (!directory_ || kept_) return;
    kept_ = true;
    const Status saved =
        save_state(*directory_, file_name, std::string(secret_.begin(), secret_.end()));
    if (!saved)
        log(Priority::warning, nullptr,
            "sticky cookies will not be valid after a restart: " + saved.error().message);
}

}  // namespace otto::control
