// The pieces together, on real models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llama/test_generation.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::Answer;
using testing::Ask;
using testing::Generate;
using ::testing::HasSubstr;
using testing::Qwen15Path;
using testing::QwenPath;
using testing::SmolPath;
using testing::TestContext;

chat::Tool Weather() {
  return {.name = "get_weather",
          .description = "The weather of a city now",
          .parameters = R"({"type":"object","properties":{"city":{"type":"string"},)"
                        R"("unit":{"type":"string","enum":["celsius","fahrenheit"]}},)"
                        R"("required":["city"]})"};
}

Answer AnswerOf(const Model& model, const chat::GenerateRequest& request) {
  auto chat_template = ChatTemplate::Create(model);
  EXPECT_TRUE(chat_template);
  auto prompt = (*chat_template)->Render(request);
  if (!prompt) {
    ADD_FAILURE() << prompt.error().message << " " << prompt.error().param;
    return {};
  }
  auto context = TestContext(model);
  Answer answer = Generate(*context, *prompt, request);
  EXPECT_EQ(answer.error, "");
  // What was streamed and what is the message in the end are the same.
  EXPECT_EQ(answer.streamed, chat::TextOf(answer.message));
  EXPECT_EQ(answer.streamed_calls, answer.message.tool_calls);
  return answer;
}

TEST(Generation, ASmallModelAnswersAQuestion) {
  WEIR_MODEL_OR_SKIP(model, SmolPath());
  auto request = Ask("What is the capital of France? Answer in one word.");
  request.max_tokens = 40;
  const Answer answer = AnswerOf(model, request);
  EXPECT_THAT(answer.streamed, HasSubstr("Paris")) << answer.raw;
  EXPECT_GT(answer.stats.tokens, 0);
  EXPECT_LT(answer.stats.logprob_mean, 0);
}

TEST(Generation, RequiredCallsComeFromAModelWhoseTemplateKnowsNoTools) {
  WEIR_MODEL_OR_SKIP(model, SmolPath());
  auto request = Ask("What is the weather in Paris?");
  request.tools = {Weather()};
  request.tool_choice.mode = chat::ToolChoice::Mode::kRequired;
  const Answer answer = AnswerOf(model, request);
  ASSERT_EQ(answer.message.tool_calls.size(), 1u) << answer.raw;
  EXPECT_EQ(answer.message.tool_calls[0].name, "get_weather");
  EXPECT_THAT(answer.message.tool_calls[0].arguments, HasSubstr("\"city\""));
  EXPECT_EQ(answer.streamed, "");
}

class CoderTools : public ::testing::TestWithParam<chat::ToolChoice::Mode> {};

TEST_P(CoderTools, AFunctionIsCalled) {
  WEIR_MODEL_OR_SKIP(model, Qwen15Path());
  auto request = Ask("What is the weather in Paris?");
  request.tools = {Weather()};
  request.tool_choice.mode = GetParam();
  request.max_tokens = 60;
  const Answer answer = AnswerOf(model, request);
  ASSERT_EQ(answer.message.tool_calls.size(), 1u) << answer.raw;
  EXPECT_EQ(answer.message.tool_calls[0].name, "get_weather") << answer.raw;
  EXPECT_THAT(answer.message.tool_calls[0].arguments, HasSubstr("Paris"));
  EXPECT_EQ(answer.streamed, "") << answer.raw;
}
INSTANTIATE_TEST_SUITE_P(Generation, CoderTools,
                         ::testing::Values(chat::ToolChoice::Mode::kAuto,
                                           chat::ToolChoice::Mode::kRequired));

TEST(Generation, AJsonSchemaShapesTheAnswer) {
  WEIR_MODEL_OR_SKIP(model, SmolPath());
  auto request = Ask("Tell me about Paris as JSON.");
  request.response_format = {
      .kind = chat::ResponseFormat::Kind::kJsonSchema,
      .schema = R"({"type":"object","properties":{"city":{"type":"string","maxLength":20},)"
                R"("people":{"type":"integer"}},"required":["city","people"],)"
                R"("additionalProperties":false})"};
  const Answer answer = AnswerOf(model, request);
  EXPECT_TRUE(answer.ended);
  EXPECT_THAT(answer.streamed, HasSubstr("\"city\": \"Paris\"")) << answer.raw;
  EXPECT_THAT(answer.streamed, HasSubstr("\"people\": ")) << answer.raw;
  EXPECT_EQ(answer.streamed.front(), '{');
  EXPECT_EQ(answer.streamed.back(), '}');
}

TEST(Generation, AStopStringEndsAnAnswer) {
  WEIR_MODEL_OR_SKIP(model, SmolPath());
  auto request = Ask("Count from 1 to 10.");
  request.stop = {"5"};
  const Answer answer = AnswerOf(model, request);
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.streamed.find('5'), std::string::npos);
}

}  // namespace
}  // namespace weir::llama
