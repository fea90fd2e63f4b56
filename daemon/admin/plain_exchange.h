#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "admin/plain_message.h"
#include "event/timer.h"
#include "http/client_stream.h"

namespace otto::admin {

class PlainServer;

/// One request to the plain server, from its head to the end of its reply. It belongs to the server
/// and outlives the callbacks in which it ends.
class PlainExchange final : public http::ClientObserver {
  public:
    PlainExchange(const Loop& loop, PlainServer& server, http::ClientStream& client, bool local,
                  std::uint64_t ticket);
    PlainExchange(const PlainExchange&) = delete;
    PlainExchange& operator=(const PlainExchange&) = delete;

    enum class Phase : std::uint8_t {
        arrived,    // begin() is due
        reading,    // the body is on its way
        waiting,    // for the reply
        streaming,  // push() adds to it
        over        // the client stream must not be used any more
    };

    /// Asks the server about the head, then takes the body.
    void begin();
    void answer(const PlainReply& reply);
    void start_stream(const PlainReply& reply);
    /// False when the client reads too slowly, and the stream is over.
    bool push(const http::SharedText& text);
    void end_stream();
    /// Ends the connection.
    void abandon();

    Phase phase() const { return phase_; }
    /// Whether the server's callbacks know its ticket.
    bool known() const { return phase_ == Phase::waiting || phase_ == Phase::streaming; }
    bool local() const { return request_.local; }
    const PlainRequest& request() const { return request_; }
    std::uint64_t ticket() const { return ticket_; }

  private:
    void on_client_body() override;
    void on_client_drained() override {}
    void on_client_gone() override;

    void read_head();
    void read_body();
    void refuse(unsigned status, std::string reason);
    void begin_reply(const http::LocalHead& head, bool last);
    bool sent(bool all);

    PlainServer& server_;
    http::ClientStream* client_;
    const std::uint64_t ticket_;
    Phase phase_ = Phase::arrived;
    PlainRequest request_;
    bool body_taken_ = false;
    std::size_t last_push_ = 0;
    Timer patience_;  // for the body
};

}  // namespace otto::admin
