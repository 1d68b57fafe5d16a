// The reading side alone, over a model's vocabulary: nothing is decoded.
#include "engine/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "llama/test_models.h"

namespace weir::engine {
namespace {

using llama::testing::StoriesPath;
using ::testing::HasSubstr;
using wire::EngineFrame;

chat::GenerateRequest Completion() {
  chat::GenerateRequest request;
  request.prompts.push_back({.text = "Once"});
  request.max_tokens = 4;
  return request;
}

std::string Frame(EngineFrame kind, uint64_t id, std::string_view body = {}) {
  return wire::EncodeFrame(static_cast<uint16_t>(kind), id, body);
}
std::string Start(uint64_t id) {
  return Frame(EngineFrame::kGenerate, id, wire::Encode(wire::Generate{{}, Completion()}));
}

class Reading {
 public:
  explicit Reading(const llama::Model& model, size_t inbox = kInboxMax)
      : preparation_(model, nullptr, nullptr, {.request_tokens_max = 64, .max_tokens_default = 8}),
        inbox_(inbox) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
  }
  ~Reading() {
    close(ends_[0]);
    close(ends_[1]);
  }
  // Sends `bytes`, closes, and reads them to their end.
  Result<void> Run(std::string_view bytes) {
    std::thread gateway([&] {
      while (!bytes.empty()) {
        const ssize_t sent = send(ends_[0], bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      shutdown(ends_[0], SHUT_WR);
    });
    Result<void> ended = Reader(ends_[1], preparation_, inbox_, watch_).Run();
    shutdown(ends_[1], SHUT_RDWR);
    gateway.join();
    return ended;
  }
  std::vector<InboxItem> Items() {
    std::vector<InboxItem> items;
    while (auto item = inbox_.TryPop()) items.push_back(std::move(*item));
    return items;
  }

 private:
  int ends_[2] = {-1, -1};
  Preparation preparation_;
  Inbox inbox_;
  StepWatch watch_{[] {}, [] {}};
};

TEST(Reader, EachFrameBecomesAnItemInItsOrder) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model);
  const wire::Score score{{}, {.prompt = {.text = "Once"}, .continuations = {" upon"}}};
  EXPECT_TRUE(reading.Run(Start(1) + Frame(EngineFrame::kScore, 2, wire::Encode(score)) +
                          Frame(EngineFrame::kTokenize, 3, wire::Encode(wire::Tokenize{"a"})) +
                          Frame(EngineFrame::kPause, 1) + Frame(EngineFrame::kResume, 1) +
                          Frame(EngineFrame::kCancel, 1) + Frame(EngineFrame::kQueryStats, 4)));
  const std::vector<InboxItem> items = reading.Items();
  ASSERT_EQ(items.size(), 7u);
  EXPECT_EQ(std::get<StartGenerate>(items[0]).id, 1u);
  EXPECT_EQ(std::get<StartScore>(items[1]).id, 2u);
  EXPECT_EQ(std::get<ReadyReply>(items[2]).kind, EngineFrame::kTokens);
  EXPECT_TRUE(std::get<PauseRequest>(items[3]).paused);
  EXPECT_FALSE(std::get<PauseRequest>(items[4]).paused);
  EXPECT_EQ(std::get<CancelRequest>(items[5]).id, 1u);
  EXPECT_EQ(std::get<StatsRequest>(items[6]).id, 4u);
}

TEST(Reader, TheEndOfTheStreamCancelsWhatIsOpen) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model);
  EXPECT_TRUE(reading.Run(Start(1) + Start(2)));
  for (const InboxItem& item : reading.Items()) {
    EXPECT_TRUE(std::get<StartGenerate>(item).cancelled->load());
  }
}

TEST(Reader, ARequestThatCannotBePreparedIsAFailureAndNotTheEnd) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model);
  wire::Generate request{{}, Completion()};
  request.request.n = 0;
  EXPECT_TRUE(reading.Run(Frame(EngineFrame::kGenerate, 1, wire::Encode(request)) + Start(2)));
  const std::vector<InboxItem> items = reading.Items();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(std::get<ReadyReply>(items[0]).kind, EngineFrame::kFailure);
  EXPECT_EQ(std::get<StartGenerate>(items[1]).id, 2u);
}

TEST(Reader, WhatBreaksTheProtocolEndsTheConversation) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  std::string over_the_limit = Frame(EngineFrame::kGenerate, 1);
  over_the_limit[3] = '\x7f';
  std::string reserved = Frame(EngineFrame::kGenerate, 1);
  reserved[6] = 1;
  const std::string stats = Frame(EngineFrame::kQueryStats, 5);
  const struct {
    const char* name;
    std::string bytes;
    const char* said;
  } cases[] = {
      {"a kind that nobody knows", Frame(static_cast<EngineFrame>(40), 1), "kind"},
      {"an engine's own kind", Frame(EngineFrame::kReady, 1), "kind"},
      {"a second load", Frame(EngineFrame::kLoad, 0), "kind"},
      {"an empty body", Frame(EngineFrame::kGenerate, 1), "decode"},
      {"a short body", Frame(EngineFrame::kScore, 1, "abc"), "decode"},
      {"bytes after the body",
       Frame(EngineFrame::kTokenize, 1, wire::Encode(wire::Tokenize{}) + "x"), "decode"},
      {"an id of 0", Start(0), "twice"},
      {"an id used twice", Start(3) + Start(3), "twice"},
      {"an id that goes back", Start(3) + Start(2), "twice"},
      {"an id used twice for small things", stats + stats, "twice"},
      {"a frame over the limit", over_the_limit, "limit"},
      {"a reserved field", reserved, "protocol"},
      {"an end inside a frame", Start(1).substr(0, 30), "inside"},
      {"an end inside a header", Start(1).substr(0, 5), "inside"},
  };
  for (const auto& test : cases) {
    Reading reading(model);
    const Result<void> ended = reading.Run(test.bytes);
    ASSERT_FALSE(ended) << test.name;
    EXPECT_EQ(ended.error().code, Code::kBackendFailed) << test.name;
    EXPECT_THAT(ended.error().message, HasSubstr(test.said)) << test.name;
  }
}

TEST(Reader, MoreOpenRequestsThanTheProtocolAllowsEndTheConversation) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model);
  std::string bytes;
  for (uint64_t id = 1; id <= wire::kRequestsOpenMax + 1; ++id) bytes += Start(id);
  const Result<void> ended = reading.Run(bytes);
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("more requests"));
  EXPECT_EQ(reading.Items().size(), wire::kRequestsOpenMax);
}

TEST(Reader, CancelledRequestsDoNotCountAsOpen) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model, 4 * wire::kRequestsOpenMax);
  std::string bytes;
  for (uint64_t id = 1; id <= wire::kRequestsOpenMax + 10; ++id) {
    bytes += Start(id) + Frame(EngineFrame::kCancel, id);
  }
  EXPECT_TRUE(reading.Run(bytes));
}

TEST(Reader, AFullInboxEndsTheConversation) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Reading reading(model, 2);
  const Result<void> ended = reading.Run(Start(1) + Start(2) + Start(3));
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("full"));
}

}  // namespace
}  // namespace weir::engine
