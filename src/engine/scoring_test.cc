// Scoring, tokens and embeddings through a whole conversation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/test_conversation.h"
#include "llama/context.h"
#include "llama/token_stats.h"

namespace weir::engine {
namespace {

using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using testing::Completion;
using testing::Conversation;
using testing::Endless;
using testing::EngineFrame;
using testing::kOnce;
using testing::SmallSettings;
using testing::Story;

wire::Score Scoring(std::string prompt, std::vector<std::string> continuations) {
  return {{.client = 1},
          {.prompt = {.text = std::move(prompt)}, .continuations = std::move(continuations)}};
}
std::optional<chat::Scores> ScoresOf(Conversation& engine, const wire::Score& asked) {
  return engine.AskFor<chat::Scores>(EngineFrame::kScore, asked, EngineFrame::kScores);
}

// The same without scheduler, sharing or steps: one sequence, one decode.
double LogprobAlone(const llama::Model& model, const std::string& prompt,
                    const std::string& continuation, int32_t& tokens) {
  auto context = llama::Context::Create(
      model, {.cells = 512, .batch_rows = 512, .sequences = 1, .threads = 1, .threads_batch = 1});
  EXPECT_TRUE(context);
  auto sequence = *model.vocabulary().Tokenize(prompt, false, true);
  const size_t prompt_tokens = sequence.size();
  const auto rest = *model.vocabulary().TokenizeMiddle(continuation, false);
  sequence.insert(sequence.end(), rest.begin(), rest.end());
  tokens = static_cast<int32_t>(rest.size());
  std::vector<llama::Row> rows;
  for (const llama::Token token : sequence) {
    rows.push_back({.token = token, .position = static_cast<int32_t>(rows.size()), .output = true});
  }
  EXPECT_EQ((*context)->Decode(rows), llama::DecodeOutcome::kOk);
  double sum = 0;
  for (size_t i = prompt_tokens; i < sequence.size(); ++i) {
    sum += llama::Logprob((*context)->Logits(static_cast<int32_t>(i) - 1), sequence[i]);
  }
  return sum;
}

TEST(Scoring, AgreesWithTheModelAskedDirectly) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const std::vector<std::string> continuations = {", there was a little girl", " there was a dog",
                                                  "\nThe", ", there", ", there was a little boy"};
  const auto scores = ScoresOf(engine, Scoring(kOnce, continuations));
  ASSERT_TRUE(scores);
  ASSERT_EQ(scores->continuations.size(), continuations.size());
  for (size_t i = 0; i < continuations.size(); ++i) {
    int32_t tokens = 0;
    const double alone = LogprobAlone(model, kOnce, continuations[i], tokens);
    EXPECT_NEAR(scores->continuations[i].logprob, alone, 2e-2) << continuations[i];
    EXPECT_EQ(scores->continuations[i].tokens, tokens);
  }
  EXPECT_GT(scores->continuations[0].logprob, scores->continuations[2].logprob);
  EXPECT_EQ(scores->usage.completion_tokens, 0);
}

TEST(Scoring, AgreesWithTheLogprobsOfAGeneration) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 8);
  request.logprobs = true;
  const Story story = engine.Run(request);
  double sum = 0;
  for (const chat::TokenLogprob& token : story.logprobs) sum += static_cast<double>(*token.logprob);
  const auto scores = ScoresOf(engine, Scoring(kOnce, {story.text()}));
  ASSERT_TRUE(scores);
  ASSERT_EQ(scores->continuations[0].tokens, 8) << "its text is tokenised as it was generated";
  EXPECT_NEAR(scores->continuations[0].logprob, sum, 2e-2);
}

TEST(Scoring, ALongListIsScoredWhole) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  // More than a client may have waiting with the scheduler.
  std::vector<std::string> continuations;
  for (int i = 0; i < 200; ++i) {
    continuations.push_back(i % 2 == 0 ? ", there was a girl" : " there was a dog");
  }
  const auto scores = ScoresOf(engine, Scoring(kOnce, continuations));
  ASSERT_TRUE(scores);
  ASSERT_EQ(scores->continuations.size(), 200u);
  for (size_t i = 2; i < 200; ++i) {
    EXPECT_NEAR(scores->continuations[i].logprob, scores->continuations[i - 2].logprob, 2e-2);
    EXPECT_EQ(scores->continuations[i].tokens, scores->continuations[i - 2].tokens);
  }
  EXPECT_GT(scores->usage.cached_tokens.value_or(0), 0) << "the prompt is computed once";
}

TEST(Scoring, ACancelIsAnsweredOnce) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  std::vector<std::string> many(1000, " there was a little girl and a dog and a big red ball");
  const uint64_t id = engine.Ask(EngineFrame::kScore, Scoring(kOnce, many));
  engine.Send(EngineFrame::kCancel, id);
  EXPECT_EQ(engine.FailureOf(id).code, Code::kCancelled);
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(engine.waiting(id), 0u);
  EXPECT_EQ(stats.running + stats.waiting, 0);
}

TEST(Scoring, BoundsAreNamed) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const auto fails = [&](const wire::Score& asked) {
    return engine.FailureOf(engine.Ask(EngineFrame::kScore, asked));
  };
  EXPECT_EQ(fails(Scoring(kOnce, {})).param, "continuations");
  EXPECT_EQ(fails(Scoring(kOnce, {" a", ""})).param, "continuations[1]");
  EXPECT_EQ(fails(Scoring(kOnce, std::vector<std::string>(1025, "a"))).param, "continuations");
  std::string long_text;
  for (int i = 0; i < 400; ++i) long_text += " and then";
  const wire::Failure failure = fails(Scoring(kOnce, {" a", long_text}));
  EXPECT_EQ(failure.param, "continuations[1]");
  EXPECT_EQ(failure.reason, "context_length_exceeded");
}

TEST(Tokens, TextGoesToTokensAndBack) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::string text = "Tom said: \"Hi\" \xC3\xA9\xE2\x82\xAC!";
  const auto tokens = engine.AskFor<wire::Tokens>(
      EngineFrame::kTokenize, wire::Tokenize{.text = text}, EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  const auto back = engine.AskFor<wire::Text>(EngineFrame::kDetokenize,
                                              wire::Detokenize{tokens->tokens}, EngineFrame::kText);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->text, " " + text) << "this vocabulary begins a text with a space";
  const wire::Failure failure =
      engine.FailureOf(engine.Ask(EngineFrame::kDetokenize, wire::Detokenize{{3, 512}}));
  EXPECT_EQ(failure.code, Code::kInvalidArgument);
  EXPECT_EQ(failure.param, "tokens");
}

TEST(Tokens, APieceOfACodePointIsMadeText) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  // Byte tokens stand behind the three control tokens: 3 + 0xE2.
  const auto text = engine.AskFor<wire::Text>(EngineFrame::kDetokenize,
                                              wire::Detokenize{{3 + 0xE2}}, EngineFrame::kText);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text, "\xEF\xBF\xBD");
}

TEST(Tokens, AChatIsRenderedAndTokenised) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(RandomPath()));
  wire::Tokenize asked;
  asked.chat.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = "Hello"}}});
  const auto tokens =
      engine.AskFor<wire::Tokens>(EngineFrame::kTokenize, asked, EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  EXPECT_FALSE(tokens->tokens.empty());
  EXPECT_THAT(tokens->text, ::testing::HasSubstr("Hello"));
}

TEST(Tokens, AreToldWithWhatTheyStandFor) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const auto tokens = engine.AskFor<wire::Tokens>(
      EngineFrame::kTokenize, wire::Tokenize{.text = "Tom said", .pieces = true},
      EngineFrame::kTokens);
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->pieces.size(), tokens->tokens.size());
  std::string joined;
  for (const std::string& piece : tokens->pieces) joined += piece;
  EXPECT_EQ(joined, " Tom said");
}

// The smallest embedding model of the store.
std::string EmbedderPath() {
  return llama::testing::StoredModel(
      "f41069f0fe504712c68334b6434d191a09f757426bb1636d13886c5614bc4a8d");
}
wire::Embed Texts(std::vector<std::string> texts) {
  wire::Embed asked;
  for (std::string& text : texts) asked.request.inputs.push_back({.text = std::move(text)});
  return asked;
}
double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

TEST(Embedding, VectorsOfLikeTextsLieTogether) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(EmbedderPath()));
  EXPECT_TRUE(engine.info()->embeds);
  EXPECT_FALSE(engine.info()->generates);
  const auto reply = engine.AskFor<chat::Embeddings>(
      EngineFrame::kEmbed,
      Texts({"The cat sleeps on the sofa.", "A cat naps on the couch.", "Interest rates rose."}),
      EngineFrame::kEmbeddings);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->vectors.size(), 3u);
  for (const auto& vector : reply->vectors) {
    EXPECT_EQ(static_cast<int32_t>(vector.size()), engine.info()->embedding_length);
    EXPECT_NEAR(Dot(vector, vector), 1, 1e-3);
  }
  EXPECT_GT(Dot(reply->vectors[0], reply->vectors[1]), Dot(reply->vectors[0], reply->vectors[2]));
  EXPECT_GT(reply->usage.prompt_tokens.value_or(0), 10);
}

TEST(Embedding, VectorsAreShortenedWhereTheModelAllowsIt) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.dimensions_min = 8;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  wire::Embed asked = Texts({"Lily played in the park."});
  asked.request.dimensions = 16;
  const auto reply =
      engine.AskFor<chat::Embeddings>(EngineFrame::kEmbed, asked, EngineFrame::kEmbeddings);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->vectors[0].size(), 16u);
  EXPECT_NEAR(Dot(reply->vectors[0], reply->vectors[0]), 1, 1e-3);
  asked.request.dimensions = 7;
  const wire::Failure refused = engine.FailureOf(engine.Ask(EngineFrame::kEmbed, asked));
  EXPECT_EQ(refused.param, "dimensions");
  EXPECT_THAT(refused.message, ::testing::HasSubstr("between 8 and 64"));
}

TEST(Embedding, VectorsOfOtherModelsAreNotShortened) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  wire::Embed asked = Texts({"Lily played in the park."});
  asked.request.dimensions = 16;
  EXPECT_EQ(engine.FailureOf(engine.Ask(EngineFrame::kEmbed, asked)).reason, "unsupported_value");
  asked.request.dimensions = 64;
  EXPECT_TRUE(
      engine.AskFor<chat::Embeddings>(EngineFrame::kEmbed, asked, EngineFrame::kEmbeddings));
}

TEST(Embedding, RequestsToGenerateAreRefusedAndTheEngineLives) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(EmbedderPath()));
  EXPECT_EQ(engine.FailureOf(engine.Generate(Completion(kOnce, 4))).reason,
            "not_a_generative_model");
  EXPECT_EQ(engine.FailureOf(engine.Ask(EngineFrame::kScore, Scoring(kOnce, {" a"}))).reason,
            "not_a_generative_model");
  EXPECT_TRUE(
      engine.AskFor<chat::Embeddings>(EngineFrame::kEmbed, Texts({"a"}), EngineFrame::kEmbeddings));
}

TEST(Embedding, AChatModelEmbedsBesideItsAnswers) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  EXPECT_TRUE(engine.info()->embeds);
  EXPECT_TRUE(engine.info()->generates);
  const std::string alone = engine.Run(Endless(kOnce, 60)).text();
  const uint64_t answer = engine.Generate(Endless(kOnce, 60));
  const auto reply =
      engine.AskFor<chat::Embeddings>(EngineFrame::kEmbed,
                                      Texts({"Lily played with her dog in the park.",
                                             "Tom played with his dog in the garden.", "The."}),
                                      EngineFrame::kEmbeddings);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->vectors.size(), 3u);
  for (const auto& vector : reply->vectors) {
    EXPECT_EQ(static_cast<int32_t>(vector.size()), engine.info()->embedding_length);
    EXPECT_NEAR(Dot(vector, vector), 1, 1e-3);
  }
  EXPECT_GT(Dot(reply->vectors[0], reply->vectors[1]), Dot(reply->vectors[0], reply->vectors[2]));
  EXPECT_EQ(engine.Finish(answer).text(), alone);
  EXPECT_EQ(engine.Run(Endless(kOnce, 60)).text(), alone) << "the other context is untouched";
}

TEST(Embedding, AnswersGoOnBetweenTheStepsOfALongList) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(RandomPath()));
  std::vector<std::string> texts(24, std::string(900, 'x'));
  const uint64_t list = engine.Ask(EngineFrame::kEmbed, Texts(texts));
  // Both requests go out before the engine can have ended the first; the short one is done first.
  const Story story = engine.Run(Endless("Hello", 4), {.client = 2});
  EXPECT_EQ(story.completion_tokens(), 4);
  EXPECT_EQ(engine.waiting(list), 0u);
  const auto frame = engine.Next(list);
  ASSERT_TRUE(frame);
  EXPECT_TRUE(Conversation::Is(*frame, EngineFrame::kEmbeddings));
}

TEST(Embedding, QuestionsAreAnsweredBetweenTheStepsOfALongList) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(EmbedderPath()));
  const std::string text = "a river that flows to the sea, past hills and villages, and on";
  const uint64_t list =
      engine.Ask(EngineFrame::kEmbed, Texts(std::vector<std::string>(1500, text)));
  engine.Stats();
  EXPECT_EQ(engine.waiting(list), 0u);
  engine.Send(EngineFrame::kCancel, list);
  EXPECT_EQ(engine.FailureOf(list).code, Code::kCancelled);
}

TEST(Embedding, ACancelEndsALongListInItsMiddle) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(RandomPath()));
  const uint64_t list =
      engine.Ask(EngineFrame::kEmbed, Texts(std::vector<std::string>(400, std::string(900, 'x'))));
  engine.Send(EngineFrame::kCancel, list);
  EXPECT_EQ(engine.FailureOf(list).code, Code::kCancelled);
  EXPECT_EQ(engine.Run(Endless("Hello", 2)).completion_tokens(), 2);
  EXPECT_EQ(engine.waiting(list), 0u);
}

TEST(Embedding, ACancelIsAnsweredOnceAndOthersGetTheirVectors) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(EmbedderPath()));
  std::vector<uint64_t> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(engine.Ask(EngineFrame::kEmbed, Texts({"one text", "and another"})));
  }
  engine.Send(EngineFrame::kCancel, ids[4]);
  for (const uint64_t id : ids) {
    const auto frame = engine.Next(id);
    ASSERT_TRUE(frame);
    if (id != ids[4]) EXPECT_TRUE(Conversation::Is(*frame, EngineFrame::kEmbeddings));
  }
  engine.Stats();
  EXPECT_EQ(engine.waiting(ids[4]), 0u);
}

}  // namespace
}  // namespace weir::engine
