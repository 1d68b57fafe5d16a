// Whole conversations with an engine over a socket: what a gateway sends and what comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_conversation.h"
#include "scheduler/plan.h"

namespace weir::engine {
namespace {

using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using testing::Completion;
using testing::Conversation;
using testing::Endless;
using testing::EngineFrame;
using ::testing::HasSubstr;
using testing::kOnce;
using testing::SmallSettings;
using testing::Story;

const std::string kLily = "Lily and her mom went to";

TEST(Engine, SaysWhatItLoaded) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const wire::EngineInfo& info = *engine.info();
  EXPECT_EQ(info.protocol, wire::kEngineProtocol);
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.vocabulary, 512);
  EXPECT_EQ(info.context_train_tokens, 512);
  EXPECT_EQ(info.context_tokens, 2048);
  EXPECT_EQ(info.request_tokens_max, 512);
  EXPECT_EQ(info.threads, 1);
  EXPECT_TRUE(info.generates);
  EXPECT_TRUE(info.embeds);
  EXPECT_EQ(info.prefix_reuse, wire::PrefixReuse::kFull);
  EXPECT_EQ(info.sandbox, std::vector<std::string>{"test"});
  EXPECT_TRUE(engine.Close()) << "the gateway closed in good order";
}

TEST(Engine, SaysWhatItChoseWhereNobodyDid) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.threads = 0;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  EXPECT_EQ(engine.info()->threads, static_cast<int32_t>(std::thread::hardware_concurrency()));
  EXPECT_EQ(engine.info()->gpu_layers, 0) << "of a CPU build";
}

TEST(Engine, AFileThatIsAbsentIsAFailureOfTheConversation) {
  Conversation engine(SmallSettings("/nowhere/model.gguf"));
  ASSERT_TRUE(engine.load_failure());
  EXPECT_FALSE(engine.WaitForEnd());
}

TEST(Engine, SettingsBeyondTheirLimitsAreRefusedByName) {
  if (!std::filesystem::exists(StoriesPath())) GTEST_SKIP() << "no model file";
  for (const char* param : {"sequences", "batch_tokens", "context_tokens", "micro_batch_tokens"}) {
    for (const int32_t value : {-1, 1 << 30}) {
      wire::EngineSettings settings = SmallSettings(StoriesPath());
      const std::string name = param;
      (name == "sequences"        ? settings.sequences
       : name == "batch_tokens"   ? settings.batch_tokens
       : name == "context_tokens" ? settings.context_tokens
                                  : settings.micro_batch_tokens) = value;
      Conversation engine(settings);
      ASSERT_TRUE(engine.load_failure()) << param;
      EXPECT_EQ(engine.load_failure()->code, Code::kInvalidArgument);
      EXPECT_EQ(engine.load_failure()->param, param);
    }
  }
}

TEST(Engine, AnAnswerIsStartedThenTextThenItsEndThenUsage) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const Story story = engine.Run(Endless(kOnce, 20));
  ASSERT_TRUE(story.done);
  ASSERT_GE(story.events.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<chat::Started>(story.events.front()));
  EXPECT_TRUE(std::holds_alternative<chat::ChoiceDone>(story.events[story.events.size() - 2]));
  EXPECT_TRUE(std::holds_alternative<chat::Done>(story.events.back()));
  EXPECT_FALSE(story.text().empty());
  const auto tokens = engine.AskFor<wire::Tokens>(
      EngineFrame::kTokenize, wire::Tokenize{.text = kOnce, .add_special = true},
      EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  const auto prompt_tokens = static_cast<int64_t>(tokens->tokens.size());
  EXPECT_EQ(story.started->prompt_tokens, prompt_tokens);
  EXPECT_EQ(story.prompt_tokens(), prompt_tokens);
  EXPECT_EQ(story.cached_tokens(), 0);
  EXPECT_EQ(story.completion_tokens(), 20);
  EXPECT_EQ(story.done->usage.reasoning_tokens, 0);
  EXPECT_EQ(story.ends.at(0).reason, chat::FinishReason::kLength);
  EXPECT_EQ(story.ends.at(0).stats.tokens, 20);
  EXPECT_GE(story.done->queue_ms, 0);
  EXPECT_GE(story.done->prompt_ms, 0);
  EXPECT_GE(story.done->decode_ms, 0);
}

TEST(Engine, TheSameSeedGivesTheSameBytes) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 40);
  request.sampling.temperature = 1.0f;
  request.sampling.seed = 7;
  const std::string first = engine.Run(request).text();
  EXPECT_EQ(engine.Run(request).text(), first);
  request.sampling.seed = 8;
  EXPECT_NE(engine.Run(request).text(), first);
}

TEST(Engine, TheSameSeedGivesTheSameBytesFromACachedPrefixToo) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.batch_tokens = scheduler::Options().chunk_deterministic;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  std::string prompt;
  while (prompt.size() < 700) prompt += "Lily and Tom went to the park with a red ball. ";
  chat::GenerateRequest request = Endless(prompt, 24);
  request.sampling.temperature = 1.0f;
  request.sampling.seed = 7;
  const Story first = engine.Run(request);
  ASSERT_GT(first.prompt_tokens(), 160) << "more than a chunk";
  const Story at_once = engine.Run(request);
  EXPECT_EQ(at_once.text(), first.text());
  EXPECT_GT(at_once.cached_tokens(), 0);
  EXPECT_EQ(at_once.cached_tokens() % scheduler::Options().chunk_deterministic, 0);
  // Others in between leave prefixes that end anywhere.
  engine.Run(Endless(prompt.substr(0, 333), 5));
  engine.Run(Endless(kLily, 30));
  const Story again = engine.Run(request);
  EXPECT_EQ(again.text(), first.text());
  EXPECT_EQ(again.cached_tokens() % scheduler::Options().chunk_deterministic, 0);
}

TEST(Engine, ForksShareThePromptAndAreCountedApart) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 16);
  const Story one = engine.Run(request);
  request.n = 3;
  const Story three = engine.Run(request);
  ASSERT_EQ(three.ends.size(), 3u);
  for (int32_t choice = 0; choice < 3; ++choice) EXPECT_EQ(three.text(choice), one.text());
  EXPECT_EQ(three.prompt_tokens(), one.prompt_tokens());
  EXPECT_EQ(three.completion_tokens(), 3 * 16);

  request.sampling.temperature = 1.5f;
  request.sampling.seed = 3;
  const Story drawn = engine.Run(request);
  EXPECT_NE(drawn.text(0), drawn.text(1));
  EXPECT_NE(drawn.text(1), drawn.text(2));
}

TEST(Engine, PromptsOfOneRequestAreAnsweredInTheirOrder) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const Story once = engine.Run(Endless(kOnce, 16), {.tenant_salt = 1});
  const Story lily = engine.Run(Endless(kLily, 16), {.tenant_salt = 1});
  chat::GenerateRequest request = Endless(kOnce, 16);
  request.prompts.push_back({.text = kLily});
  request.n = 2;
  const Story both = engine.Run(request, {.tenant_salt = 2});
  EXPECT_EQ(both.text(0), once.text());
  EXPECT_EQ(both.text(1), once.text());
  EXPECT_EQ(both.text(2), lily.text());
  EXPECT_EQ(both.text(3), lily.text());
  EXPECT_EQ(both.prompt_tokens(), once.prompt_tokens() + lily.prompt_tokens());
  EXPECT_EQ(both.completion_tokens(), 4 * 16);
}

TEST(Engine, ALongPromptTakesNoRoomFromAShortOneBesideIt) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless("", 30);
  request.prompts = {{.tokens = std::vector<int32_t>(500, 300)}, {.text = kOnce}};
  const Story story = engine.Run(request);
  ASSERT_TRUE(story.done);
  EXPECT_EQ(story.ends.at(0).stats.tokens, 12) << "512 is all that fits";
  EXPECT_EQ(story.ends.at(1).stats.tokens, 30);
}

TEST(Engine, RequestsAtTheSameTimeGetWhatEachWouldGetAlone) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::vector<std::string> prompts = {kOnce, kLily, "The dog saw a", "Tom had a big red"};
  std::vector<std::string> alone;
  for (const std::string& prompt : prompts) alone.push_back(engine.Run(Endless(prompt, 24)).text());
  std::vector<uint64_t> ids;
  for (const std::string& prompt : prompts) {
    ids.push_back(engine.Generate(Endless(prompt, 24), {.tenant_salt = 9, .client = ids.size()}));
  }
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(engine.Finish(ids[i]).text(), alone[i]);
}

TEST(Engine, TheSecondTurnReusesTheFirst) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const Story first = engine.Run(Endless(kOnce, 30), {.tenant_salt = 1});
  const std::string turn = kOnce + first.text() + " The end.";
  const Story second = engine.Run(Endless(turn, 4), {.tenant_salt = 1});
  EXPECT_GE(second.cached_tokens(), first.prompt_tokens());
  EXPECT_LT(second.cached_tokens(), second.prompt_tokens());
  EXPECT_EQ(second.started->cached_tokens, second.cached_tokens());
  const Story stranger = engine.Run(Endless(turn, 4), {.tenant_salt = 2});
  EXPECT_EQ(stranger.cached_tokens(), 0) << "another tenant's cells are not shared";
  EXPECT_EQ(stranger.text(), second.text());
}

TEST(Engine, AStopStringEndsAnAnswerAndIsNotPartOfIt) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 60);
  const std::string whole = engine.Run(request).text();
  const std::string stop = whole.substr(whole.size() / 2, 6);
  request.stop = {stop};
  const Story story = engine.Run(request);
  EXPECT_EQ(story.text(), whole.substr(0, whole.find(stop)));
  EXPECT_EQ(story.ends.at(0).reason, chat::FinishReason::kStop);
  EXPECT_EQ(story.ends.at(0).stop_sequence, stop);
  EXPECT_LT(story.completion_tokens(), 60);
}

TEST(Engine, AnAnswerEndsWithTheContext) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless("", 100'000);
  request.prompts = {{.tokens = std::vector<int32_t>(480, 300)}};
  const Story story = engine.Run(request);
  EXPECT_EQ(story.completion_tokens(), 32);
  EXPECT_EQ(story.ends.at(0).reason, chat::FinishReason::kLength);
}

TEST(Engine, AnOverlongPromptIsRefusedWithItsLimit) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Completion("", 4);
  request.prompts = {{.tokens = std::vector<int32_t>(512, 300)}};
  const wire::Failure failure = engine.FailureOf(engine.Generate(request));
  EXPECT_EQ(failure.code, Code::kInvalidArgument);
  EXPECT_EQ(failure.reason, "context_length_exceeded");
  EXPECT_EQ(failure.param, "prompt");
  EXPECT_THAT(failure.message, HasSubstr("512 tokens"));
  EXPECT_THAT(failure.message, HasSubstr("511"));
  request.prompts.front().tokens.pop_back();
  EXPECT_EQ(engine.Run(request).completion_tokens(), 1);
}

TEST(Engine, ABrokenRequestDisturbsNoOther) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::string alone = engine.Run(Endless(kOnce, 40)).text();
  const uint64_t good = engine.Generate(Endless(kOnce, 40), {.tenant_salt = 5});
  chat::GenerateRequest broken = Completion(kLily, 10);
  broken.response_format = {.kind = chat::ResponseFormat::Kind::kGrammar, .grammar = "root ::= ("};
  EXPECT_EQ(engine.FailureOf(engine.Generate(broken)).code, Code::kInvalidArgument);
  chat::GenerateRequest out_of_range = Completion(kLily, 10);
  out_of_range.sampling.top_p = 7.0f;
  EXPECT_EQ(engine.FailureOf(engine.Generate(out_of_range)).param, "top_p");
  EXPECT_EQ(engine.Finish(good).text(), alone);
}

TEST(Engine, AGrammarShapesACompletion) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Completion(kOnce, 20);
  request.response_format = {.kind = chat::ResponseFormat::Kind::kGrammar,
                             .grammar = "root ::= \"yes\" | \"no\""};
  const Story story = engine.Run(request);
  EXPECT_TRUE(story.text() == "yes" || story.text() == "no") << story.text();
  EXPECT_EQ(story.ends.at(0).reason, chat::FinishReason::kStop);
}

TEST(Engine, MoreRequestsThanCellsAllFinish) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.context_tokens = 256;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  ASSERT_EQ(engine.info()->context_tokens, 256);
  constexpr int kRequests = 12;
  std::vector<uint64_t> ids;
  for (int i = 0; i < kRequests; ++i) {
    chat::GenerateRequest request = Endless("", 60);
    request.prompts = {{.tokens = std::vector<int32_t>(60, 300 + i)}};
    ids.push_back(engine.Generate(request, {.client = static_cast<uint64_t>(i)}));
  }
  for (const uint64_t id : ids) {
    const Story story = engine.Finish(id);
    EXPECT_EQ(story.prompt_tokens(), 60);
    EXPECT_EQ(story.completion_tokens(), 60) << "nothing is counted twice when it is requeued";
    EXPECT_LE(story.cached_tokens(), story.prompt_tokens());
  }
  EXPECT_LE(engine.Stats().cells_used, 256);
}

chat::GenerateRequest List(int32_t prompts, int32_t max_tokens) {
  chat::GenerateRequest request = Endless("", max_tokens);
  request.prompts.clear();
  for (int32_t i = 0; i < prompts; ++i) {
    request.prompts.push_back({.tokens = {1, 300 + i, 301 + i, 302 + i}});
  }
  return request;
}

TEST(Engine, AsManyPromptsAsARequestMayHaveAreAnsweredOnAnIdleMachine) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  ASSERT_GT(kPromptsMax, scheduler::Options().waiting_max_per_key);
  const Story story = engine.Run(List(kPromptsMax, 2));
  EXPECT_EQ(story.ends.size(), static_cast<size_t>(kPromptsMax));
  EXPECT_EQ(story.prompt_tokens(), 4 * kPromptsMax);
  EXPECT_EQ(story.completion_tokens(), 2 * kPromptsMax);
  EXPECT_EQ(engine.Stats().refused, 0u);
}

TEST(Engine, TwoLongListsOfOneClientFitItsPlacesInTheQueue) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest forked = List(kPromptsMax / 2, 3);
  forked.n = 2;
  const uint64_t first = engine.Generate(List(kPromptsMax, 3));
  const uint64_t second = engine.Generate(List(kPromptsMax, 3));
  const uint64_t third = engine.Generate(forked, {.key = 2});
  const uint64_t left = engine.Generate(List(kPromptsMax, 3), {.key = 3});
  engine.Send(EngineFrame::kCancel, left);
  for (const uint64_t id : {first, second, third}) {
    const Story story = engine.Finish(id);
    ASSERT_FALSE(story.failure) << story.failure->message;
    EXPECT_EQ(story.ends.size(), static_cast<size_t>(kPromptsMax));
    EXPECT_EQ(story.completion_tokens(), 3 * kPromptsMax);
  }
}

TEST(Engine, ProgressOfSeveralPromptsIsToldTogether) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless("", 1);
  request.prompts.clear();
  for (int32_t i = 0; i < 6; ++i) {
    request.prompts.push_back({.tokens = std::vector<int32_t>(500, 300 + i)});
  }
  const Story story = engine.Run(request);
  std::vector<int64_t> told;
  for (const chat::Event& event : story.events) {
    if (const auto* progress = std::get_if<chat::Progress>(&event)) {
      EXPECT_EQ(progress->total_tokens, 3000);
      told.push_back(progress->processed_tokens);
    }
  }
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_LE(told.back(), 3000);
}

TEST(Engine, LogprobsTellOfEachToken) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 12);
  request.logprobs = true;
  request.top_logprobs = 3;
  const Story story = engine.Run(request);
  ASSERT_EQ(story.logprobs.size(), 12u);
  std::string joined;
  for (const chat::TokenLogprob& token : story.logprobs) {
    joined += token.bytes;
    ASSERT_EQ(token.top.size(), 3u);
    EXPECT_EQ(token.top[0].bytes, token.bytes) << "greedy";
    EXPECT_NEAR(token.top[0].logprob, *token.logprob, 1e-5);
    EXPECT_LE(*token.logprob, 0);
  }
  EXPECT_EQ(joined, story.text());
}

TEST(Engine, AChatGoesOnBehindTheTokensOfAnEarlierOne) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest asked = Endless("", 8);
  asked.prompts.clear();
  asked.messages = {{.role = chat::Role::kUser, .parts = {{.text = "Once upon a time"}}}};
  asked.return_tokens = true;
  const Story first = engine.Run(asked);
  ASSERT_TRUE(first.done);
  std::vector<int32_t> context = first.started->prompt;
  EXPECT_EQ(static_cast<int64_t>(context.size()), first.prompt_tokens());
  const std::vector<int32_t> answer = first.answer_tokens();
  EXPECT_EQ(answer.size(), 8u);
  context.insert(context.end(), answer.begin(), answer.end());

  asked.context = context;
  asked.messages[0].parts[0].text = "And then?";
  const Story second = engine.Run(asked);
  ASSERT_TRUE(second.done);
  const std::vector<int32_t>& prompt = second.started->prompt;
  ASSERT_GT(prompt.size(), context.size());
  EXPECT_TRUE(std::equal(context.begin(), context.end(), prompt.begin()));
  EXPECT_GE(second.cached_tokens(), first.prompt_tokens()) << "what was computed is used again";
  chat::GenerateRequest raw = Endless("", 8);
  raw.prompts = {{.tokens = prompt}};
  EXPECT_EQ(engine.Run(raw).text(), second.text());

  asked.context = {1, 512};
  EXPECT_EQ(engine.Run(asked).failure->param, "context");
  asked.context.assign(1'000'000, 3);
  EXPECT_EQ(engine.Run(asked).failure->reason, "context_length_exceeded");
}

TEST(Engine, ATextIsBiasedAsItsTokensAre) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 12);
  const std::string plain = engine.Run(request).text();
  ASSERT_TRUE(plain.contains(","));
  request.sampling.text_bias = {{",", -100.0f}};
  EXPECT_FALSE(engine.Run(request).text().contains(",")) << plain;
}

TEST(Engine, AChatOfAModelWithoutATemplateIsAnsweredToo) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(RandomPath()));
  chat::GenerateRequest request;
  request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = "Hello"}}});
  request.max_tokens = 8;
  request.sampling.ignore_eos = true;
  const Story story = engine.Run(request);
  EXPECT_FALSE(engine.info()->has_chat_template);
  EXPECT_EQ(story.completion_tokens(), 8);
}

}  // namespace
}  // namespace weir::engine
