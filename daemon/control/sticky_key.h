#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "tls/hmac.h"

namespace otto::control {

/// The key that signs sticky cookies. It is kept in the state directory once it is used, so that
/// cookies stay valid over restarts. Owned by Otto; control thread.
class StickyKey {
  public:
    /// Loads the key that was kept, or makes one. Without a directory none is kept.
    static Result<StickyKey> open(std::optional<std::string> directory);

    /// Says in the log why the key that was kept cannot be used, if that is so.
    void report() const;
    const tls::Secret& secret() const { return secret_; }
    /// The key is used from now on: keeps it. Says in the log when that fails.
    void keep();

  private:
    StickyKey(std::optional<std::string> directory, const tls::Secret& secret, bool kept)
        : directory_(std::move(directory)), secret_(secret), kept_(kept) {}

    std::optional<std::string> directory_;
    tls::Secret secret_;
    bool kept_;
    std::string trouble_;  // with the key that was kept
};

}  // namespace otto::control
