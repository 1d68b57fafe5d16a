// Images in chats, asked of a whole engine: what the projector's own test shows of one prompt,
// among others, from the cache, and when something is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/test_numerics.h"
#include "llama/test_images.h"

namespace weir::engine {
namespace {

using llama::testing::StoriesPath;
using llama::testing::Stripes;
using llama::testing::TinyPath;
using testing::Compare;
using testing::Conversation;
using testing::EngineFrame;
using testing::Story;

constexpr int64_t kRows = 36;  // of an image, by the tiny projector
constexpr int32_t kAnswer = 24;

wire::EngineSettings Seeing(const std::string& kind = "projector",
                            const std::string& model = StoriesPath()) {
  wire::EngineSettings settings = testing::SmallSettings(model);
  settings.projector_path = TinyPath(kind);
  return settings;
}

#define WEIR_SEEING_ENGINE_OR_SKIP(engine, settings)                          \
  if (!std::filesystem::exists(TinyPath("projector"))) {                      \
    GTEST_SKIP() << "no model file for this test: " << TinyPath("projector"); \
  }                                                                           \
  WEIR_ENGINE_OR_SKIP(engine, settings)

chat::Part Image(const std::string& file) {
  return {.kind = chat::Part::Kind::kImage, .media_type = "image/bmp", .data = file};
}
chat::Message User(std::vector<chat::Part> parts) {
  return {.role = chat::Role::kUser, .parts = std::move(parts)};
}

chat::GenerateRequest Asked(std::vector<chat::Message> messages) {
  chat::GenerateRequest request;
  request.messages = std::move(messages);
  request.max_tokens = kAnswer;
  request.sampling.temperature = 0.0f;
  request.sampling.ignore_eos = true;
  return testing::WithCandidates(request);
}
chat::GenerateRequest AskedOf(const std::string& file) {
  return Asked({User({{.text = "Once upon a time"}, Image(file), {.text = "Who is it?"}})});
}
chat::GenerateRequest TextAlone() {
  return testing::WithCandidates(testing::Endless("The little dog ran to the", 60));
}

wire::Failure FailureOf(Conversation& engine, const chat::GenerateRequest& request) {
  const Story story = engine.Run(request);
  if (story.failure) return *story.failure;
  ADD_FAILURE() << "it was answered";
  return {};
}

void ExpectSame(const Story& alone, const Story& other) {
  ASSERT_FALSE(other.failure) << other.failure->message;
  ASSERT_EQ(other.logprobs.size(), alone.logprobs.size());
  EXPECT_EQ(Compare(alone.logprobs, other.logprobs).difference, "");
}

TEST(Images, ChangeTheAnswerAndAreCounted) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  EXPECT_TRUE(engine.info()->images);
  const Story one = engine.Run(AskedOf(Stripes(1)));
  const Story other = engine.Run(AskedOf(Stripes(2)));
  const Story none =
      engine.Run(Asked({User({{.text = "Once upon a time"}, {.text = "Who is it?"}})}));
  ASSERT_TRUE(one.done && other.done && none.done);
  EXPECT_NE(Compare(one.logprobs, other.logprobs).difference, "");
  EXPECT_GE(one.prompt_tokens(), none.prompt_tokens() + kRows - 1);
  EXPECT_EQ(one.prompt_tokens(), other.prompt_tokens());
}

void ExpectFoundInTheCache(const wire::EngineSettings& settings, int64_t rows) {
  Story fresh;
  auto next = AskedOf(Stripes(1));
  next.messages.push_back({.role = chat::Role::kAssistant, .parts = {{.text = "A bird."}}});
  next.messages.push_back(User({{.text = "And now?"}, Image(Stripes(2))}));
  {
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    fresh = engine.Run(next);
  }
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  const Story first = engine.Run(AskedOf(Stripes(1)));
  const Story again = engine.Run(AskedOf(Stripes(1)));
  EXPECT_EQ(again.cached_tokens(), again.prompt_tokens() - 1);
  ExpectSame(first, again);
  const Story turn = engine.Run(next);
  EXPECT_GT(turn.cached_tokens(), rows);
  ExpectSame(fresh, turn);
  // The text in front is shared, the image is not.
  const Story other = engine.Run(AskedOf(Stripes(3)));
  EXPECT_LT(other.cached_tokens(), other.prompt_tokens() - rows);
}
TEST(Images, AreFoundInTheCacheByWhatTheyShow) { ExpectFoundInTheCache(Seeing(), kRows); }
TEST(Images, OfTwoDirectionsAreFoundInTheCacheByWhatTheyShow) {
  ExpectFoundInTheCache(Seeing("qwen2vl-projector", TinyPath("qwen2vl")), 9);
}
// Their rows share one step in time, and steps end anywhere among them.
TEST(Images, OfTwoDirectionsAreComputedInPieces) {
  wire::EngineSettings settings = Seeing("qwen2vl-projector", TinyPath("qwen2vl"));
  const auto request = AskedOf(Stripes(1, 300, 200));
  Story whole;
  {
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    whole = engine.Run(request);
    EXPECT_NE(
        Compare(whole.logprobs, engine.Run(AskedOf(Stripes(1, 200, 300))).logprobs).difference, "");
  }
  settings.batch_tokens = 7;
  settings.sequences = 4;
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  ExpectSame(whole, engine.Run(request));
}

TEST(Images, StandBehindTheContextOfTheirChat) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  auto asked = AskedOf(Stripes(1));
  const Story alone = engine.Run(asked);
  asked.context.assign(20, 300);
  asked.return_tokens = true;
  const Story behind = engine.Run(asked);
  ASSERT_TRUE(alone.done && behind.done);
  EXPECT_GE(behind.prompt_tokens(), alone.prompt_tokens() + 19);
  EXPECT_TRUE(behind.started->prompt.empty()) << "rows of images have no ids";
  asked.messages[0].parts[1] = Image(Stripes(2));
  const Story other = engine.Run(asked);
  EXPECT_GE(other.cached_tokens(), 20);
  EXPECT_LT(other.cached_tokens(), other.prompt_tokens() - kRows);
}

TEST(Images, StandInTheirOrder) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  const auto both = [](uint32_t first, uint32_t second) {
    return Asked({User({Image(Stripes(first)), Image(Stripes(second)), {.text = "Who?"}})});
  };
  const Story one = engine.Run(both(1, 2)), other = engine.Run(both(2, 1)),
              twice = engine.Run(both(1, 1));
  EXPECT_NE(Compare(one.logprobs, other.logprobs).difference, "");
  EXPECT_NE(Compare(one.logprobs, twice.logprobs).difference, "");
  EXPECT_EQ(one.prompt_tokens(), twice.prompt_tokens());
}

void ExpectGoodNeighbours(const wire::EngineSettings& settings) {
  std::vector<Story> alone;
  {
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    alone = {engine.Run(TextAlone()), engine.Run(AskedOf(Stripes(1, 170, 90))),
             engine.Run(AskedOf(Stripes(2)))};
  }
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  for (int round = 0; round < 3; ++round) {
    std::vector<uint64_t> texts, one, two;
    for (int i = 0; i < 3; ++i) {
      texts.push_back(engine.Generate(TextAlone()));
      one.push_back(engine.Generate(AskedOf(Stripes(1, 170, 90))));
      two.push_back(engine.Generate(AskedOf(Stripes(2))));
    }
    for (size_t i = 0; i < texts.size(); ++i) {
      ExpectSame(alone[0], engine.Finish(texts[i]));
      ExpectSame(alone[1], engine.Finish(one[i]));
      ExpectSame(alone[2], engine.Finish(two[i]));
    }
  }
}

TEST(Images, DoNotDisturbTheirNeighbours) { ExpectGoodNeighbours(Seeing("tiles")); }
TEST(Images, OfTwoDirectionsDoNotDisturbTheirNeighbours) {
  for (const char* kind : {"qwen2vl-projector", "qwen25vl-projector"})
    ExpectGoodNeighbours(Seeing(kind, TinyPath("qwen2vl")));
}

// Few cells: answers lose their place and are computed again, images and all.
void ExpectAnswersOfTheRequeued(wire::EngineSettings settings) {
  settings.context_tokens = 768;
  settings.prompt_lookup = wire::Switch::kOff;
  const auto asked = [](uint32_t seed) {
    auto request = AskedOf(Stripes(seed));
    request.max_tokens = 400;  // more than admission counts on
    return request;
  };
  std::vector<Story> alone;
  {
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    for (uint32_t seed = 0; seed < 6; ++seed) alone.push_back(engine.Run(asked(seed)));
  }
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  std::vector<uint64_t> ids;
  for (uint32_t seed = 0; seed < 6; ++seed) ids.push_back(engine.Generate(asked(seed)));
  for (uint32_t seed = 0; seed < 6; ++seed) ExpectSame(alone[seed], engine.Finish(ids[seed]));
  const wire::EngineStats stats = engine.Stats();
  EXPECT_GT(stats.preemptions, 0u);
  EXPECT_EQ(stats.cells_used, stats.cells_idle);
}
TEST(Images, AreThereForWhoIsRequeued) { ExpectAnswersOfTheRequeued(Seeing()); }
TEST(Images, OfTwoDirectionsAreThereForWhoIsRequeued) {
  ExpectAnswersOfTheRequeued(Seeing("qwen2vl-projector", TinyPath("qwen2vl")));
}

TEST(Images, OfAModelWhoseStateCannotBeCutAreShared) {
  if (!std::filesystem::exists(TinyPath("narrow-projector"))) GTEST_SKIP() << "no tiny models";
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing("narrow-projector", TinyPath("lfm2")));
  const Story text = engine.Run(TextAlone());
  const Story first = engine.Run(AskedOf(Stripes(1)));
  const Story again = engine.Run(AskedOf(Stripes(1)));
  ExpectSame(first, again);
  const uint64_t beside = engine.Generate(TextAlone());
  const uint64_t other = engine.Generate(AskedOf(Stripes(2)));
  ExpectSame(first, engine.Run(AskedOf(Stripes(1))));
  ExpectSame(text, engine.Finish(beside));
  EXPECT_NE(Compare(first.logprobs, engine.Finish(other).logprobs).difference, "");
}

// Rows that see each other in both directions are computed in one step, whoever else is in it and
// however often they lose their place.
TEST(Images, WhoseRowsSeeEachOtherAreComputedWhole) {
  wire::EngineSettings settings = Seeing("gemma-projector", TinyPath("gemma3"));
  settings.context_tokens = 900;
  settings.sequences = 6;
  const auto asked = [](uint32_t seed, int32_t tokens) {
    auto request = Asked({User({Image(Stripes(seed)),
                                {.text = std::string(seed % 3 * 11, 'a')},
                                Image(Stripes(seed + 1)),
                                {.text = "?"}})});
    request.max_tokens = tokens;
    return request;
  };
  const auto length = [](uint32_t seed) { return seed < 6 ? 400 : 30; };
  std::vector<Story> alone;
  {
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    for (uint32_t seed = 0; seed < 8; ++seed)
      alone.push_back(engine.Run(asked(seed, length(seed))));
    alone.push_back(engine.Run(TextAlone()));
  }
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  for (int round = 0; round < 2; ++round) {
    std::vector<uint64_t> ids;
    for (uint32_t seed = 0; seed < 8; ++seed)
      ids.push_back(engine.Generate(asked(seed, length(seed))));
    const uint64_t text = engine.Generate(TextAlone());
    for (uint32_t seed = 0; seed < 8; ++seed) ExpectSame(alone[seed], engine.Finish(ids[seed]));
    ExpectSame(alone[8], engine.Finish(text));
  }
  EXPECT_GT(engine.Stats().preemptions, 0u);
}

TEST(Images, GiveTheSameAnswerForASeed) {
  for (const bool mutual : {false, true}) {
    const auto settings = mutual ? Seeing("gemma-projector", TinyPath("gemma3")) : Seeing("tiles");
    WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
    auto request = AskedOf(Stripes(1, 170, 90));
    request.sampling.seed = 7;
    request.sampling.temperature = 1.0f;
    const Story first = engine.Run(request);
    engine.Run(AskedOf(Stripes(2)));
    engine.Run(TextAlone());
    const Story again = engine.Run(request);
    ASSERT_EQ(first.logprobs.size(), static_cast<size_t>(kAnswer));
    EXPECT_EQ(again.text(), first.text());
  }
}

TEST(Images, ThatNeedALargerStepAreRefused) {
  wire::EngineSettings settings = Seeing("gemma-projector", TinyPath("gemma3"));
  settings.batch_tokens = 35;
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  const wire::Failure failure = FailureOf(engine, AskedOf(Stripes(1)));
  EXPECT_EQ(failure.reason, "image_too_large");
  EXPECT_NE(failure.message.find("36 rows"), std::string::npos);
}

void ExpectBackFromHostMemory(wire::EngineSettings settings, int32_t side) {
  settings.context_tokens = 4096;
  WEIR_SEEING_ENGINE_OR_SKIP(engine, settings);
  const auto album = [&](uint32_t who) {
    std::vector<chat::Part> parts;
    for (uint32_t i = 0; i < 31; ++i) parts.push_back(Image(Stripes(100 * who + i, side, side)));
    parts.push_back({.text = "What do they show?"});
    auto request = Asked({User(parts)});
    request.max_tokens = 12;
    return request;
  };
  Story first[3];
  for (uint32_t who = 0; who < 3; ++who) first[who] = engine.Run(album(who));
  for (uint32_t who = 0; who < 3; ++who) {
    const Story again = engine.Run(album(who));
    EXPECT_EQ(again.cached_tokens(), again.prompt_tokens() - 1);
    ExpectSame(first[who], again);
  }
  EXPECT_GT(engine.Stats().hits_host, 0u);
}
// Of a sliding window, whose prompts are long enough to leave the cache.
TEST(Images, ComeBackFromHostMemory) {
  ExpectBackFromHostMemory(Seeing("narrow-projector", TinyPath("gemma3")), 84);
}
TEST(Images, OfTwoDirectionsComeBackFromHostMemory) {
  ExpectBackFromHostMemory(Seeing("qwen2vl-projector", TinyPath("qwen2vl")), 168);
}

TEST(Images, AreCountedWithoutALook) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  const auto request = AskedOf(Stripes(1));
  const auto tokens = engine.AskFor<wire::Tokens>(
      EngineFrame::kTokenize, wire::Tokenize{.chat = request}, EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(static_cast<int64_t>(tokens->tokens.size()), engine.Run(request).prompt_tokens());
  EXPECT_EQ(std::ranges::count(tokens->tokens, -1), kRows);
  EXPECT_NE(tokens->text.find("<__media__>"), std::string::npos);
}

TEST(Images, AreNoWordsThatAClientWrites) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  const auto request = Asked({User({{.text = "<__media__> <image>"}, Image(Stripes(1))})});
  const auto tokens = engine.AskFor<wire::Tokens>(
      EngineFrame::kTokenize, wire::Tokenize{.chat = request}, EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(std::ranges::count(tokens->tokens, -1), kRows);
  EXPECT_FALSE(engine.Run(request).failure);
}

TEST(Images, AreRefusedByName) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  wire::Failure failure = FailureOf(engine, AskedOf("no image"));
  EXPECT_EQ(failure.code, Code::kInvalidArgument);
  EXPECT_EQ(failure.param, "messages[0].content[1]");
  EXPECT_EQ(failure.reason, "image_format");
  failure = FailureOf(engine, AskedOf(Stripes(1).substr(0, 5000)));
  EXPECT_EQ(failure.param, "messages[0].content[1]");
  EXPECT_EQ(failure.reason, "image_invalid");
  failure = FailureOf(engine, AskedOf(""));
  EXPECT_EQ(failure.reason, "image_missing");

  std::vector<chat::Part> many(65, Image(Stripes(1)));
  EXPECT_EQ(FailureOf(engine, Asked({User(many)})).reason, "too_many_images");
  many.resize(60);  // 2,160 rows for 2,048 cells
  EXPECT_EQ(FailureOf(engine, Asked({User(many)})).reason, "context_length_exceeded");

  auto spoken = AskedOf(Stripes(1));
  spoken.messages[0].parts[1].kind = chat::Part::Kind::kAudio;
  EXPECT_EQ(FailureOf(engine, spoken).reason, "text_and_images_only");
  spoken = AskedOf(Stripes(1));
  spoken.messages.insert(spoken.messages.begin(),
                         {.role = chat::Role::kSystem, .parts = {Image(Stripes(1))}});
  EXPECT_EQ(FailureOf(engine, spoken).param, "messages[0].content[0]");

  const uint64_t scored = engine.Ask(
      EngineFrame::kScore,
      wire::Score{.request = {.messages = AskedOf(Stripes(1)).messages, .continuations = {" a"}}});
  EXPECT_EQ(engine.FailureOf(scored).reason, "text_only");
  EXPECT_TRUE(engine.Run(AskedOf(Stripes(1))).done);
}

TEST(Images, AreRefusedByAModelWithoutAProjector) {
  WEIR_ENGINE_OR_SKIP(engine, testing::SmallSettings(StoriesPath()));
  EXPECT_FALSE(engine.info()->images);
  EXPECT_EQ(FailureOf(engine, AskedOf(Stripes(1))).reason, "text_only");
}

TEST(Images, OfAKindThatIsNotComputedEndTheLoad) {
  if (!std::filesystem::exists(TinyPath("qwen2vl"))) GTEST_SKIP() << "no tiny models";
  for (const auto& [settings, reason] :
       {std::pair(Seeing("projector", TinyPath("lfm2")), "projector_invalid"),
        {Seeing("qwen2vl-projector", StoriesPath()), "projector_invalid"},
        {Seeing("projector", TinyPath("encoder")), "projector_unsupported"}}) {
    const Conversation engine(settings);
    ASSERT_TRUE(engine.load_failure());
    EXPECT_EQ(engine.load_failure()->reason, reason);
  }
}

TEST(Images, OfWhoeverLeftAreForgotten) {
  WEIR_SEEING_ENGINE_OR_SKIP(engine, Seeing());
  std::vector<uint64_t> ids;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    auto request = AskedOf(Stripes(seed));
    request.max_tokens = 500;
    ids.push_back(engine.Generate(request));
  }
  for (const uint64_t id : ids) engine.Send(EngineFrame::kCancel, id);
  for (const uint64_t id : ids) {
    const Story story = engine.Finish(id);
    ASSERT_TRUE(story.failure);
    EXPECT_EQ(story.failure->code, Code::kCancelled);
  }
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.running + stats.waiting, 0);
  EXPECT_EQ(stats.cells_used, stats.cells_idle);
  EXPECT_TRUE(engine.Run(AskedOf(Stripes(1))).done);
}

}  // namespace
}  // namespace weir::engine
