#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "fuzzing.h"
#include "http/client_stream.h"

namespace otto::fuzz {

/// A client that has sent one request: its body arrives when arrive() says so, in runs of memory
/// that are drawn. It cannot be answered.
class FakeClient final : public http::ClientStream {
  public:
    FakeClient(const http::RequestHead& request, std::string_view bytes, Draw& draw)
        : request_(request), bytes_(bytes), draw_(draw) {}

    /// Lets more of the bytes arrive; false when all have.
    bool arrive() {
        if (arrived_ == bytes_.size()) return false;
        arrived_ += draw_.step(bytes_.size() - arrived_);
        return true;
    }
    std::size_t consumed() const { return consumed_; }

    const http::RequestHead& request() const override { return request_; }
    const http::Refusal& refusal() const override { return refusal_; }
    const Address& peer() const override { return peer_; }
    std::string_view peer_ip() const override { return "192.0.2.7"; }
    std::string_view scheme() const override { return "http"; }
    bool may_keep_alive() const override { return true; }
    void observe(http::ClientObserver&) override {}
    std::string_view body() override {
        const std::size_t there = arrived_ - consumed_;
        if (there == 0) return {};
        run_.assign(bytes_.substr(consumed_, draw_.step(there)));
        return run_;
    }
    void consume_body(std::size_t length) override {
        OTTO_HOLDS(length <= run_.size());
        consumed_ += length;
        run_.erase(0, length);
    }
    bool send(std::span<iovec>) override { return false; }
    std::size_t queued() const override { return 0; }
    void finish(bool, bool) override {}
    void abort(bool) override {}

  private:
    const http::RequestHead& request_;
    std::string_view bytes_;
    Draw& draw_;
    http::Refusal refusal_;
    Address peer_;
    std::string run_;
    std::size_t arrived_ = 0;
    std::size_t consumed_ = 0;
};

}  // namespace otto::fuzz
