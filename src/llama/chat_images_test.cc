// Where templates put images.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "llama/chat_template.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::QwenPath;
using testing::SharedData;

const chat::Part kImage{.kind = chat::Part::Kind::kImage, .data = "bytes"};

chat::Message Said(chat::Role role, std::vector<chat::Part> parts) {
  return {.role = role, .parts = std::move(parts)};
}

// Two images, the second in front of its text, and words that are none.
chat::GenerateRequest Conversation() {
  chat::GenerateRequest request;
  request.messages = {Said(chat::Role::kUser,
                           {{.text = "<__media__> and <image> are words, this is one:"}, kImage}),
                      Said(chat::Role::kAssistant, {{.text = "I see."}}),
                      Said(chat::Role::kUser, {kImage, {.text = "And this one?"}})};
  return request;
}

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

void ExpectInOrder(const RenderedPrompt& prompt) {
  ASSERT_EQ(prompt.images.size(), 2);
  EXPECT_EQ(prompt.images[0].image, 0);
  EXPECT_EQ(prompt.images[1].image, 1);
  EXPECT_LT(prompt.images[0].at, prompt.images[1].at);
  EXPECT_LE(prompt.images[1].at, prompt.tokens.size());
  EXPECT_EQ(Count(prompt.text, kImageText), 3);  // one is a word
}

TEST(ChatImages, StandWhereTheTemplateOfAnyModelPutsThem) {
  WEIR_VOCABULARY_OR_SKIP(model, QwenPath());
  const std::filesystem::path folder = SharedData("chat_templates/models/templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no chat templates in WEIR_SHARED_DATA";
  int rendered = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    const auto chat = ChatTemplate::Create(model, Contents(entry.path()));
    if (!chat) continue;
    const auto prompt = (*chat)->Render(Conversation(), /*images=*/true);
    if (!prompt) {
      EXPECT_EQ(prompt.error().reason, "template_refused") << entry.path();
      ++refused;
      continue;
    }
    SCOPED_TRACE(entry.path());
    ExpectInOrder(*prompt);
    ++rendered;
  }
  EXPECT_GT(rendered, 40);
  EXPECT_LT(refused, 5);
}

TEST(ChatImages, OfTypedContentAndOfToolsStandThereToo) {
  WEIR_VOCABULARY_OR_SKIP(model, QwenPath());
  const auto typed = ChatTemplate::Create(
      model,
      "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{% if c.type == 'image' %}"
      "<image>{% else %}{{ c.text }}{% endif %}{% endfor %}\n{% endfor %}");
  ASSERT_TRUE(typed) << typed.error().message;
  const auto prompt = (*typed)->Render(Conversation(), true);
  ASSERT_TRUE(prompt) << prompt.error().message;
  ExpectInOrder(*prompt);

  const auto plain = ChatTemplate::Create(
      model, "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
  ASSERT_TRUE(plain);
  ASSERT_FALSE((*plain)->supports_tools());
  auto request = Conversation();
  request.tools = {{.name = "look"}};
  request.messages.push_back(
      {.role = chat::Role::kAssistant, .tool_calls = {{.id = "1", .name = "look"}}});
  request.messages.push_back({.role = chat::Role::kTool,
                              .parts = {{.text = "Found:"}, kImage, {.text = "there."}},
                              .tool_call_id = "1"});
  const auto told = (*plain)->Render(request, true);
  ASSERT_TRUE(told) << told.error().message;
  ASSERT_EQ(told->images.size(), 3);
  EXPECT_EQ(told->images[2].image, 2);
  EXPECT_NE(told->text.find("The function returned:\nFound:" + std::string(kImageText) + "there."),
            std::string::npos)
      << told->text;
}

TEST(ChatImages, ThatATemplateLeavesOutAreNotForgotten) {
  WEIR_VOCABULARY_OR_SKIP(model, QwenPath());
  const auto last = ChatTemplate::Create(model, "{{ messages[-1].content }}");
  ASSERT_TRUE(last);
  const auto prompt = (*last)->Render(Conversation(), true);
  ASSERT_FALSE(prompt);
  EXPECT_EQ(prompt.error().reason, "template_refused");
}

TEST(ChatImages, AreRefusedWhereNobodyLooksAtThem) {
  WEIR_VOCABULARY_OR_SKIP(model, QwenPath());
  const auto chat = ChatTemplate::Create(model);
  ASSERT_TRUE(chat);
  const auto prompt = (*chat)->Render(Conversation());
  ASSERT_FALSE(prompt);
  EXPECT_EQ(prompt.error().reason, "text_only");
  EXPECT_EQ(prompt.error().param, "messages[0].content[1]");
}

}  // namespace
}  // namespace weir::llama
