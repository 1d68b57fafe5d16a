// Bodies that are handed on while they come.
#include <atomic>
#include <string>

#include "http/server_for_test.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

ServerOptions Streaming(uint64_t bytes_max = uint64_t{1} << 30) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  options.limits.streamed_prefix = "/up/";
  options.limits.streamed_body_bytes = bytes_max;
  return options;
}

std::string Post(std::string_view path, std::string_view fields) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
         "\r\n";
}

Task<void> Answer(Exchange& exchange, std::string body) {
  Reply reply;
  reply.body = std::move(body);
  co_await exchange.Send(std::move(reply));
}

// Says how many bytes came, and a sum over them; or why the body broke.
Task<void> Count(Exchange& exchange) {
  size_t bytes = 0;
  uint64_t sum = 0;
  for (;;) {
    const auto piece = co_await exchange.ReadBody();
    if (!piece) {
      co_await Answer(exchange, "broke: " + piece.error().reason);
      co_return;
    }
    if (piece->empty()) break;
    EXPECT_LE(piece->size(), 700'000u) << "a piece is held in memory";
    bytes += piece->size();
    for (const char c : *piece) sum = sum * 31 + static_cast<unsigned char>(c);
  }
  co_await Answer(exchange, std::to_string(bytes) + " " + std::to_string(sum));
}

std::string Expected(std::string_view body) {
  uint64_t sum = 0;
  for (const char c : body) sum = sum * 31 + static_cast<unsigned char>(c);
  return std::to_string(body.size()) + " " + std::to_string(sum);
}

std::string Noise(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761u >> 13);
  return out;
}

class StreamedBodyTest : public ServerTest {};

TEST_F(StreamedBodyTest, ArrivesInPiecesAndTheConnectionGoesOn) {
  Serve(Streaming(), Count);
  Client client(address_);
  const std::string body = Noise(9'000'000);
  for (int i = 0; i < 2; ++i) {
    client.Send(Post("/up/x", "Content-Length: 9000000\r\n"));
    client.Send(body);
    client.Send(Get("/after"));
    EXPECT_NE(client.Take(Expected(body)).find("HTTP/1.1 200"), std::string::npos);
    EXPECT_NE(client.Take("0 0").find("HTTP/1.1 200"), std::string::npos);
  }
}

TEST_F(StreamedBodyTest, IsDecodedWhenItComesInChunks) {
  Serve(Streaming(), Count);
  Client client(address_);
  const std::string body = Noise(300'000);
  client.Send(Post("/up/x", "Transfer-Encoding: chunked\r\n"));
  for (size_t at = 0; at < body.size(); at += 30'000) {
    client.Send("7530\r\n");
    client.Send(std::string_view(body).substr(at, 30'000));
    client.Send("\r\n");
  }
  client.Send("0\r\n\r\n");
  EXPECT_NE(client.Take(Expected(body)).find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(StreamedBodyTest, MayBeSmallOrEmpty) {
  Serve(Streaming(), Count);
  Client client(address_);
  client.Send(Post("/up/x", "Content-Length: 3\r\n") + "abc");
  EXPECT_NE(client.Take(Expected("abc")).find("200"), std::string::npos);
  client.Send(Post("/up/x", "Content-Length: 0\r\n"));
  EXPECT_NE(client.Take("0 0").find("200"), std::string::npos);
}

TEST_F(StreamedBodyTest, HasALimitOfItsOwn) {
  Serve(Streaming(5000), Count);
  Client announced(address_);
  announced.Send(Post("/up/x", "Content-Length: 5001\r\n"));
  EXPECT_NE(announced.ReadAll().find("HTTP/1.1 413"), std::string::npos);
  Client chunked(address_);
  chunked.Send(Post("/up/x", "Transfer-Encoding: chunked\r\n") + "fa0\r\n" + Noise(4000) + "\r\n");
  EXPECT_TRUE(Eventually([this] { return server_->exchange_count() == 1; }));
  chunked.Send("fa0\r\n");
  EXPECT_NE(chunked.ReadAll().find("broke: body_too_large"), std::string::npos);
  Client elsewhere(address_);
  elsewhere.Send(Post("/other", "Content-Length: 1001\r\n"));
  EXPECT_NE(elsewhere.ReadAll().find("HTTP/1.1 413"), std::string::npos);
}

TEST_F(StreamedBodyTest, BrokenChunksEndIt) {
  Serve(Streaming(), Count);
  Client client(address_);
  client.Send(Post("/up/x", "Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n");
  EXPECT_TRUE(Eventually([this] { return server_->exchange_count() == 1; }));
  client.Send("zz\r\n");
  EXPECT_NE(client.ReadAll().find("broke: bad_chunk_size"), std::string::npos);
}

TEST_F(StreamedBodyTest, AnAnswerBeforeItsEndClosesTheConnectionAndArrives) {
  Serve(Streaming(), [](Exchange& exchange) { return Answer(exchange, "enough"); });
  Client client(address_);
  client.Send(Post("/up/x", "Content-Length: 100000000\r\n") + Noise(5'000'000));
  const std::string answer = client.ReadAll();
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("enough")) << answer;
}

TEST_F(StreamedBodyTest, LeaveToSendIsGivenWhenTheHandlerReads) {
  std::atomic<bool> go = false;
  Serve(Streaming(),
        [&go](Exchange& exchange) { return go ? Count(exchange) : Answer(exchange, "no"); });
  const std::string head = Post("/up/x", "Content-Length: 3\r\nExpect: 100-continue\r\n");
  Client refused(address_);
  refused.Send(head);
  EXPECT_EQ(refused.ReadAll().find("100 Continue"), std::string::npos);
  go = true;
  Client taken(address_);
  taken.Send(head);
  EXPECT_TRUE(taken.Take("\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
  taken.Send("abc");
  EXPECT_NE(taken.Take(Expected("abc")).find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(StreamedBodyTest, ASlowOneIsToldSo) {
  ServerOptions options = Streaming();
  options.body_grace = milliseconds(200);
  options.tick = milliseconds(20);
  Serve(std::move(options), Count);
  Client client(address_);
  client.Send(Post("/up/x", "Content-Length: 100000\r\n") + "abc");
  EXPECT_NE(client.ReadAll().find("broke: request_timeout"), std::string::npos);
}

TEST_F(StreamedBodyTest, WhatTheHandlerDoesNotTakeWaitsWithTheClient) {
  std::atomic<bool> go = false;
  Serve(Streaming(), [&go](Exchange& exchange) -> Task<void> {
    while (!go) co_await SleepFor(milliseconds(5));
    co_await Count(exchange);
  });
  Client client(address_);
  client.Send(Post("/up/x", "Content-Length: 50000000\r\n"));
  const std::string body = Noise(50'000'000);
  std::atomic<bool> sent = false;
  std::thread sender([&] {
    client.Send(body);
    sent = true;
  });
  EXPECT_TRUE(Eventually([this] { return server_->exchange_count() == 1; }));
  EXPECT_FALSE(sent) << "50 MB fit nowhere between the two";
  go = true;
  sender.join();
  EXPECT_NE(client.Take(Expected(body)).find("200"), std::string::npos);
}

TEST_F(StreamedBodyTest, AClientThatLeavesEndsTheHandler) {
  std::atomic<bool> ended = false;
  Serve(Streaming(), [&ended](Exchange& exchange) -> Task<void> {
    for (;;) {
      const auto piece = co_await exchange.ReadBody();
      if (!piece) {
        ended = piece.error().code == Code::kCancelled;
        co_return;
      }
    }
  });
  Client client(address_);
  client.Send(Post("/up/x", "Content-Length: 100000\r\n") + "abc");
  EXPECT_TRUE(Eventually([this] { return server_->exchange_count() == 1; }));
  client.Close();
  EXPECT_TRUE(Eventually([&ended] { return ended.load(); }));
}

}  // namespace
}  // namespace weir::http
