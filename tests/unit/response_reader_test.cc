#include "http1/response_reader.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "http1/framed_piece.h"

namespace otto::http1 {

using namespace http;

namespace {

std::span<char> bytes_of(std::string& text) {
    return {text.data(), text.size()};
}

TEST(ResponseReader, KeepsWhatFollowsA101ThatCameInParts) {
    const std::string head =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n";
    for (std::size_t cut = 0; cut <= head.size(); ++cut) {
        auto reader = std::make_unique<ResponseReader>();
        reader->begin(Method::get, {});
        ResponseHead read;
        std::string first = head.substr(0, cut);
        std::string second = head.substr(cut) + "welcome";
        bool complete = false;
        for (std::string* const part : {&first, &second}) {
            if (complete || part->empty()) continue;
            reader->feed(bytes_of(*part));
            complete = reader->next_head(read);
        }
        if (cut == head.size()) {
            EXPECT_TRUE(complete);
            continue;  // what follows is not the reader's any more
        }
        ASSERT_TRUE(complete) << cut;
        EXPECT_EQ(read.status, 101U);
        std::string kept;
        const std::span<char> rest = reader->take_rest(kept);
        reader.reset();
        EXPECT_EQ(std::string_view(rest.data(), rest.size()), "welcome") << cut;
    }
}

TEST(ResponseReader, ReadsAHeadByteByByteAndTheBodyBehindIt) {
    const std::string text =
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
        "Content-Length: 5\r\n\r\nhello";
    ResponseReader reader;
    reader.begin(Method::get, {});
    ResponseHead head;
    unsigned heads = 0;
    std::string body;
    for (char byte : text) {
        reader.feed({&byte, 1});
        while (reader.next_head(head)) ++heads;
        body += reader.state() == ResponseReader::State::head ? "" : reader.payload();
    }
    EXPECT_EQ(heads, 2U);
    EXPECT_EQ(body, "hello");
    EXPECT_TRUE(reader.reusable());
}

TEST(FramedPiece, KnowsThatItHasNoPayload) {
    for (const Framing framing : {Framing::none, Framing::length, Framing::chunked}) {
        FramedPiece without("head", framing, framing == Framing::none ? "dropped" : "", true);
        EXPECT_GE(without.payload(), without.pieces().size());
    }
    FramedPiece with("head", Framing::chunked, "abc", true);
    ASSERT_LT(with.payload(), with.pieces().size());
    EXPECT_EQ(with.pieces()[with.payload()].iov_len, 3U);
}

}  // namespace
}  // namespace otto::http1
