// Who waits for whom while requests are prepared, over a model's vocabulary: nothing is decoded.
#include "engine/preparer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "llama/test_models.h"

namespace weir::engine {
namespace {

using llama::testing::StoriesPath;

wire::Tokenize LongText() { return {.text = std::string(kTokenizeBytesMax / 2, 'a')}; }

chat::GenerateRequest Completion(std::string prompt) {
  chat::GenerateRequest request;
  request.prompts.push_back({.text = std::move(prompt)});
  return request;
}

class Preparing {
 public:
  explicit Preparing(const llama::Model& model, size_t inbox = kInboxMax)
      : preparation_(model, nullptr, nullptr, {.request_tokens_max = 64, .max_tokens_default = 8}),
        inbox_(inbox) {}

  // `bytes` 0: as many as its frame has.
  template <class Asked>
  Result<void> Take(uint64_t id, Asked asked, size_t bytes = 0, CancelFlag flag = Flag()) {
    if (bytes == 0) bytes = wire::Encode(asked).size();
    return preparer_.Take({.id = id, .cancelled = flag, .asked = std::move(asked), .bytes = bytes});
  }
  static CancelFlag Flag() { return std::make_shared<std::atomic<bool>>(false); }
  std::optional<InboxItem> Next() { return inbox_.Pop(); }
  ReadyReply NextReply() { return std::get<ReadyReply>(*Next()); }

 private:
  Preparation preparation_;
  Inbox inbox_;
  Preparer preparer_{preparation_, inbox_};
};

Code FailureOf(const ReadyReply& reply) {
  EXPECT_EQ(reply.kind, wire::EngineFrame::kFailure);
  const auto failure = wire::Decode<wire::Failure>(reply.body);
  return failure ? wire::ErrorOf(*failure).code : Code::kInternal;
}

TEST(Preparer, AShortRequestPassesALongText) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model);
  ASSERT_TRUE(preparing.Take(1, LongText()));
  ASSERT_TRUE(preparing.Take(2, wire::Generate{{}, Completion("Once")}));
  EXPECT_EQ(std::get<StartGenerate>(*preparing.Next()).id, 2u);
  const ReadyReply tokens = preparing.NextReply();
  EXPECT_EQ(tokens.id, 1u);
  EXPECT_EQ(tokens.kind, wire::EngineFrame::kTokens);
}

TEST(Preparer, LongTextsKeepTheirOrder) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model);
  const wire::Tokenize text = {.text = std::string(kShortBytesMax + 1, 'a')};
  for (uint64_t id = 1; id <= 5; ++id) ASSERT_TRUE(preparing.Take(id, text));
  for (uint64_t id = 1; id <= 5; ++id) EXPECT_EQ(preparing.NextReply().id, id);
}

TEST(Preparer, WhatIsCancelledWhileItWaitsIsNotPrepared) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model);
  const CancelFlag flag = Preparing::Flag();
  ASSERT_TRUE(preparing.Take(1, LongText()));
  ASSERT_TRUE(preparing.Take(2, LongText(), 0, flag));
  *flag = true;
  EXPECT_EQ(preparing.NextReply().kind, wire::EngineFrame::kTokens);
  EXPECT_EQ(FailureOf(preparing.NextReply()), Code::kCancelled);
}

TEST(Preparer, TheNextTextOfARequestThatWasCancelledIsNotRead) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  const Preparation preparation(model, nullptr, nullptr, {.request_tokens_max = 64});
  const std::atomic<bool> cancelled = true;
  const wire::Score score{{}, {.prompt = {.text = "Once"}, .continuations = {"upon"}}};
  EXPECT_EQ(preparation.Prepare(score, cancelled).error().code, Code::kCancelled);
  EXPECT_EQ(preparation.Prepare(wire::Generate{{}, Completion("Once")}, cancelled).error().code,
            Code::kCancelled);
}

TEST(Preparer, MoreBytesThanItHoldsAreToldToComeBack) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model);
  ASSERT_TRUE(preparing.Take(1, LongText()));
  for (uint64_t id = 2; id <= 4; ++id) {
    ASSERT_TRUE(preparing.Take(id, wire::Tokenize{.text = "a"}, kLongBytesMax / 3));
  }
  const ReadyReply refused = preparing.NextReply();
  EXPECT_EQ(refused.id, 4u);
  EXPECT_EQ(FailureOf(refused), Code::kUnavailable);
  for (uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(preparing.NextReply().kind, wire::EngineFrame::kTokens);
  }
}

TEST(Preparer, TextsThatAreOnlyCountedHaveABound) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model);
  ASSERT_TRUE(preparing.Take(1, wire::Tokenize{.text = std::string(kTokenizeBytesMax + 1, 'a')}));
  EXPECT_EQ(FailureOf(preparing.NextReply()), Code::kTooLarge);
}

TEST(Preparer, AnInboxThatIsFullEndsTheConversation) {
  WEIR_VOCABULARY_OR_SKIP(model, StoriesPath());
  Preparing preparing(model, 1);
  ASSERT_TRUE(preparing.Take(1, wire::Generate{{}, Completion("Once")}));
  EXPECT_EQ(preparing.Take(2, wire::Generate{{}, Completion("Once")}).error().code,
            Code::kUnavailable);
}

}  // namespace
}  // namespace weir::engine
