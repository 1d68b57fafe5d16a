#include "routing/draft_faults.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

using chat::FinishReason;
using Mode = chat::ToolChoice::Mode;

chat::GenerateRequest Chat() {
  return {.messages = {{.parts = {{.text = "Which is the highest tide?"}}}}};
}

std::optional<DraftFault> Fault(const chat::GenerateRequest& request, std::string text,
                                std::vector<chat::ToolCallDelta> calls = {},
                                FinishReason reason = FinishReason::kStop) {
  DraftFacts facts;
  facts.Add(chat::Started{});
  facts.Add(chat::Delta{.text = std::move(text)});
  for (chat::ToolCallDelta& call : calls) facts.Add(chat::Delta{.tool_calls = {std::move(call)}});
  facts.Add(chat::ChoiceDone{.reason = reason});
  return facts.FaultOf(request);
}

TEST(DraftFaults, ARefusalIsKnownByHowItBegins) {
  for (const char* text :
       {"I'm sorry, but I can't assist with that.", "  I\u2019m sorry, but I can\u2019t do that",
        "I am sorry,\n but I cannot help.", "As an AI language model, I do not have opinions.",
        "AS AN AI, I cannot.", "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Als KI-Sprachmodell habe ich keine Meinung.", "Je suis désolé, mais je ne peux pas.",
        "Lo siento, pero no puedo ayudar con eso.", "Mi dispiace, ma non posso.",
        "Desculpe, mas não posso ajudar.", "Het spijt me, maar ik kan dat niet."}) {
    EXPECT_TRUE(BeginsRefusal(text)) << text;
    EXPECT_EQ(Fault(Chat(), text), DraftFault::kRefusal) << text;
  }
  for (const char* text :
       {"", "The highest tide is at noon.", "I'm sorry to hear that. Rest, and drink water.",
        "Sorry for the wait: at noon.", "A model says \"As an AI language model\" when it refuses.",
        "I can help with that.", "Es tut mir leid, das zu hören.",
        "As an aid to memory, write it."}) {
    EXPECT_FALSE(BeginsRefusal(text)) << text;
    EXPECT_EQ(Fault(Chat(), text), std::nullopt) << text;
  }
  EXPECT_EQ(Fault(Chat(), "At", {}, FinishReason::kContentFilter), DraftFault::kRefusal);
}

TEST(DraftFaults, AnAnswerHasTheFormThatWasAskedFor) {
  chat::GenerateRequest request = Chat();
  request.response_format.kind = chat::ResponseFormat::Kind::kJsonObject;
  EXPECT_EQ(Fault(request, R"({"metres":4})"), std::nullopt);
  EXPECT_EQ(Fault(request, "[4]"), DraftFault::kInvalidAnswer);
  EXPECT_EQ(Fault(request, "```json\n{}\n```"), DraftFault::kInvalidAnswer);
  request.response_format.kind = chat::ResponseFormat::Kind::kJsonSchema;
  request.response_format.schema =
      R"({"type":"object","properties":{"metres":{"type":"integer"}},"required":["metres"]})";
  EXPECT_EQ(Fault(request, R"({"metres":4})"), std::nullopt);
  EXPECT_EQ(Fault(request, R"({"metres":"four"})"), DraftFault::kInvalidAnswer);
  EXPECT_EQ(Fault(request, "{}"), DraftFault::kInvalidAnswer);
  EXPECT_EQ(Fault(request, R"({"met)", {}, FinishReason::kLength), std::nullopt)
      << "another answer would be cut off, too";
}

TEST(DraftFaults, CallsAreOfToolsThatWereGivenWithArgumentsThatTheyTake) {
  chat::GenerateRequest request = Chat();
  request.tools = {{.name = "tide", .parameters = R"({"type":"object","required":["day"],
                                      "properties":{"day":{"type":"string"}}})"},
                   {.name = "now"}};
  const auto call = [](std::string name, std::string arguments) {
    return std::vector<chat::ToolCallDelta>{{.name = std::move(name)},
                                            {.arguments = std::move(arguments)}};
  };
  EXPECT_EQ(Fault(request, "At noon."), std::nullopt) << "nobody has to call";
  EXPECT_EQ(Fault(request, "", call("tide", R"({"day":"today"})")), std::nullopt);
  EXPECT_EQ(Fault(request, "", call("now", "{}")), std::nullopt);
  EXPECT_EQ(Fault(request, "", call("now", "")), std::nullopt);
  EXPECT_EQ(Fault(request, "", call("tide", "{}")), DraftFault::kInvalidCall);
  EXPECT_EQ(Fault(request, "", call("tide", R"({"day")")), DraftFault::kInvalidCall);
  EXPECT_EQ(Fault(request, "", call("now", "[]")), DraftFault::kInvalidCall);
  EXPECT_EQ(Fault(request, "", call("ebb", "{}")), DraftFault::kInvalidCall);
  request.tool_choice.mode = Mode::kRequired;
  EXPECT_EQ(Fault(request, "At noon."), DraftFault::kInvalidCall);
  request.tool_choice.mode = Mode::kNone;
  EXPECT_EQ(Fault(request, "At noon."), std::nullopt);
}

TEST(DraftFaults, ALaterTargetOfTheRouteAnswersInPlaceOfOneThatIsHeldBack) {
  Decision decision{.confidence_min = 8'500};
  decision.considered = {{.target = "small"}, {.target = "large"}};
  decision.eligible = {{.name = "small"}, {.name = "large"}};
  const PromptFacts whole{.whole = true};
  const auto plan = PlanForFacts(Chat(), whole, decision);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->gate, GateKind::kHardFacts);
  EXPECT_EQ(plan->checker.name, "large");

  EXPECT_FALSE(PlanForFacts(Chat(), {}, decision)) << "a stream is not held back";
  decision.buffer = true;
  EXPECT_TRUE(PlanForFacts(Chat(), {}, decision));
  EXPECT_FALSE(PlanForFacts(Chat(), {.tool_loop = true}, decision));
  chat::GenerateRequest several = Chat();
  several.n = 2;
  EXPECT_FALSE(PlanForFacts(several, whole, decision));
  EXPECT_FALSE(PlanForFacts({.prompts = {{.text = "Once"}}}, whole, decision));
  Decision off = decision;
  off.confidence_min = 0;
  EXPECT_FALSE(PlanForFacts(Chat(), whole, off));
  decision.eligible[0].tier = Tier::kCloud;
  EXPECT_FALSE(PlanForFacts(Chat(), whole, decision)) << "what a provider refuses, it refuses";
  decision.eligible[0].tier = Tier::kEdge;
  EXPECT_TRUE(PlanForFacts(Chat(), whole, decision));
  std::swap(decision.eligible[0], decision.eligible[1]);
  EXPECT_FALSE(PlanForFacts(Chat(), whole, decision)) << "the smaller one knows no better";
  decision.eligible.pop_back();
  EXPECT_FALSE(PlanForFacts(Chat(), whole, decision));
}

}  // namespace
}  // namespace weir::routing
