#include "privacy/request_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "chat/dump.h"

namespace weir::privacy {

// For MemberCount below; it needs no definition, since nothing is made of it.
struct Anything {
  template <class T>
  operator T() const;
};

namespace {

// How many members an aggregate has: as many as can be given.

template <class T, class... Given>
constexpr size_t MemberCount() {
  if constexpr (requires { T{Given{}..., Anything{}}; }) {
    return MemberCount<T, Given..., Anything>();
  } else {
    return sizeof...(Given);
  }
}

// A member was added? Where it can hold a client's text, request_texts.cc has to visit it, and
// WithMarks below to fill it. Then the number here is raised.
static_assert(MemberCount<chat::Part>() == 8);
static_assert(MemberCount<chat::ToolCall>() == 4);
static_assert(MemberCount<chat::Thought>() == 4);
static_assert(MemberCount<chat::Message>() == 9);
static_assert(MemberCount<chat::Tool>() == 5);
static_assert(MemberCount<chat::ToolChoice>() == 2);
static_assert(MemberCount<chat::ResponseFormat>() == 5);
static_assert(MemberCount<chat::Reasoning>() == 3);
static_assert(MemberCount<chat::Prompt>() == 2);
static_assert(MemberCount<chat::Sampling>() == 23);
static_assert(MemberCount<chat::GenerateRequest>() == 26);
static_assert(MemberCount<chat::EmbedRequest>() == 7);
static_assert(MemberCount<chat::ScoreRequest>() == 6);
static_assert(MemberCount<chat::TranscribeRequest>() == 8);

std::vector<std::string> Visited(const auto& request) {
  std::vector<std::string> texts;
  VisitTexts(request, [&](const TextPlace&, std::string_view text) { texts.emplace_back(text); });
  return texts;
}

// Strings that say where they stand. `data` of this part is no text, and a model's name is no
// client's.
std::vector<chat::Message> MarkedMessages() {
  return {{.role = chat::Role::kUser,
           .parts = {{.text = "mark-text"},
                     {.kind = chat::Part::Kind::kFile,
                      .media_type = "mark-media-type",
                      .url = "mark-url",
                      .name = "mark-file-name",
                      .detail = "mark-detail"}},
           .reasoning = "mark-reasoning",
           .tool_calls = {{"mark-call-id", "mark-call-name", "mark-call-arguments"}},
           .tool_call_id = "mark-answered-call",
           .name = "mark-speaker",
           .thoughts = {{.signature = "mark-signature", .hidden = "mark-hidden"}}}};
}

chat::GenerateRequest WithMarks() {
  chat::GenerateRequest request;
  request.messages = MarkedMessages();
  request.prompts = {{.text = "mark-prompt"}};
  request.suffix = "mark-suffix";
  request.has_suffix = true;
  request.files = {{"mark-name-of-file", "mark-file"}};
  request.tools = {{"mark-tool", "mark-description", "mark-parameters"}};
  request.tool_choice.names = {"mark-choice"};
  request.response_format = {chat::ResponseFormat::Kind::kJsonSchema, "mark-format", "mark-schema",
                             ""};
  request.template_arguments = {{"mark-argument", "mark-json"}};
  request.sampling.dry_sequence_breakers = {"mark-breaker"};
  request.sampling.text_bias = {{"mark-bias", -1.0F}};
  request.stop = {"mark-stop"};
  request.prediction = "mark-prediction";
  request.provider_fields = {{"openai.user", "mark-provider-field"}};
  return request;
}

std::set<std::string> MarksIn(const std::string& text) {
  std::set<std::string> marks;
  for (size_t at = text.find("mark-"); at != std::string::npos; at = text.find("mark-", at + 1)) {
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    marks.insert(text.substr(at, end - at));
  }
  return marks;
}

TEST(RequestTexts, AllThatADumpShowsIsVisited) {
  const chat::GenerateRequest request = WithMarks();
  const std::vector<std::string> texts = Visited(request);
  const std::set<std::string> marks = MarksIn(chat::Dump(request));
  EXPECT_EQ(marks.size(), 30u);
  for (const std::string& mark : marks) EXPECT_THAT(texts, testing::Contains(mark));
}

TEST(RequestTexts, GrammarsAndEmbeddingsAndScoresToo) {
  EXPECT_THAT(Visited(chat::GenerateRequest{
                  .response_format = {chat::ResponseFormat::Kind::kGrammar, "", "", "g"}}),
              testing::ElementsAre("g"));
  EXPECT_THAT(
      Visited(chat::EmbedRequest{.inputs = {{.text = "a"}, {.tokens = {1}}, {.text = "b"}}}),
      testing::ElementsAre("a", "b"));
  EXPECT_THAT(Visited(chat::ScoreRequest{.prompt = {.text = "p"}, .continuations = {"c", "", "d"}}),
              testing::ElementsAre("p", "c", "d"));
  EXPECT_THAT(Visited(chat::ScoreRequest{.messages = MarkedMessages()}),
              testing::Contains("mark-call-arguments"));
}

TEST(RequestTexts, PartsAreVisitedByThemselvesAndTogether) {
  const chat::GenerateRequest request{.messages = {{.parts = {{.text = "one"}, {.text = "two"}}}}};
  EXPECT_THAT(Visited(request), testing::UnorderedElementsAre("one", "two", "onetwo"));
}

TEST(RequestTexts, FilesOfPlainTextAreVisitedAndOthersAreNot) {
  const auto file = [](std::string type, std::string data) {
    return chat::Part{
        .kind = chat::Part::Kind::kFile, .media_type = std::move(type), .data = std::move(data)};
  };
  const chat::GenerateRequest request{
      .messages = {{.parts = {{.text = "what is it?"}, file("text/csv", "mark-rows")}},
                   {.parts = {file("application/pdf", "mark-pdf")}}}};
  std::vector<std::string> places;
  VisitTexts(request, [&](const TextPlace& place, std::string_view text) {
    if (text.starts_with("mark-")) places.push_back(ToText(place));
  });
  EXPECT_THAT(places, testing::ElementsAre("message 1 file"));
}

TEST(RequestTexts, PlacesSayWhereAndNotWhat) {
  std::vector<std::string> places;
  VisitTexts(WithMarks(),
             [&](const TextPlace& place, std::string_view) { places.push_back(ToText(place)); });
  EXPECT_THAT(places, testing::IsSupersetOf({"message 1", "message 1 tool call arguments",
                                             "prompt 1", "suffix", "tool 1 description",
                                             "response format schema", "stop 1"}));
  for (const std::string& place : places) EXPECT_EQ(place.find("mark-"), std::string::npos);
}

TEST(VisitTexts, OfSpeechReadsWhatGuidesTheModel) {
  chat::TranscribeRequest request{
      .said = {.parts = {{.kind = chat::Part::Kind::kAudio, .data = "sound"}, {.text = "mark"}}}};
  EXPECT_EQ(Visited(request), std::vector<std::string>{"mark"});
}

}  // namespace
}  // namespace weir::privacy
