#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "admin/plain_message.h"
#include "event/timer.h"
#include "http/chunked.h"
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
    bool take_length(std::string_view bytes);
    bool take_chunked(std::string_view bytes);
    void refuse(unsigned status, std::string reason);
    bool head_only() const { return client_->request().method == http::Method::head; }
    std::string connection_field(bool keep_alive) const;
    bool send(std::string_view head, std::string_view body = {});
    bool send_shared(std::string_view head, const http::SharedText& body,
                     std::string_view tail = {});
    bool sent(bool all);

    PlainServer& server_;
    http::ClientStream* client_;
    const std::uint64_t ticket_;
    Phase phase_ = Phase::arrived;
    PlainRequest request_;
    http::Framing framing_ = http::Framing::none;
    Bytes left_ = 0;  // of a body with a length
    http::ChunkedReader chunked_;
    bool body_taken_ = false;
    bool http10_ = false;
    bool chunked_reply_ = false;
    std::size_t last_push_ = 0;
    Timer patience_;  // for the body
};

}  // namespace otto::admin
