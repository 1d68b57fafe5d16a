#include "gateway/rewrite.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "gateway/generate.h"

namespace weir::gateway {
namespace {

constexpr std::string_view kModel = "device";  // any of this machine
constexpr int32_t kTokensMax = 64;
constexpr size_t kQueryBytesMax = 512;
constexpr size_t kTurnsMax = 6;  // before the question
constexpr size_t kTurnBytesMax = 1000;
constexpr size_t kQuestionBytesMax = 4000;

constexpr std::string_view kTask =
    "Rewrite the last message of the conversation as one search query that can be understood "
    "without the conversation. Keep names and numbers. Write the query alone, on one line.";
// What is wanted is easier shown than told to a small model.
constexpr std::string_view kShown =
    "User: Who built the lighthouse at Arkona?\nAssistant: Ottoline Brandt, in 1911.\n"
    "User: and how tall is it?";
constexpr std::string_view kShownQuery = "height of the lighthouse at Arkona";

chat::Message MessageOf(chat::Role role, std::string text) {
  return {.role = role, .parts = {{.text = std::move(text)}}};
}

std::string Cut(std::string text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    text.resize(CompleteUtf8Prefix(std::string_view(text).substr(0, bytes_max)));
  }
  return text;
}

// As kShown is written.
std::string Transcript(const std::vector<chat::Message>& conversation) {
  std::vector<std::string> turns;
  for (auto it = conversation.rbegin(); it != conversation.rend() && turns.size() <= kTurnsMax;
       ++it) {
    const bool user = it->role == chat::Role::kUser;
    if (!user && it->role != chat::Role::kAssistant) continue;
    const std::string text =
        Cut(chat::TextOf(*it), turns.empty() ? kQuestionBytesMax : kTurnBytesMax);
    if (!text.empty()) turns.push_back((user ? "User: " : "Assistant: ") + text);
  }
  std::string all;
  for (auto it = turns.rbegin(); it != turns.rend(); ++it) {
    all += (all.empty() ? "" : "\n") + *it;
  }
  return all;
}

// The whole of a short answer.
Task<Result<std::string>> Answer(Gateway& gateway, Generation& generation, MonotonicTime until,
                                 std::optional<SideWork>& work) {
  std::string text;
  for (;;) {
    auto event = co_await generation.Next(until - gateway.clock.Now());
    if (!event) co_return Fail(event.error());
    if (!*event) co_return Fail(Code::kDeadlineExceeded, "it took too long");
    if (const auto* delta = std::get_if<chat::Delta>(&**event)) text += delta->text;
    if (const auto* done = std::get_if<chat::Done>(&**event)) {
      work = SideWork{
          .target = generation.target(), .usage = done->usage, .booked = generation.booked()};
      co_return text;
    }
  }
}

}  // namespace

chat::GenerateRequest RewriteRequest(const std::vector<chat::Message>& conversation) {
  chat::GenerateRequest request;
  request.model = kModel;
  request.messages = {MessageOf(chat::Role::kSystem, std::string(kTask)),
                      MessageOf(chat::Role::kUser, std::string(kShown)),
                      MessageOf(chat::Role::kAssistant, std::string(kShownQuery)),
                      MessageOf(chat::Role::kUser, Transcript(conversation))};
  request.reasoning.effort = chat::Reasoning::Effort::kNone;
  request.sampling.temperature = 0.0F;
  request.max_tokens = kTokensMax;
  return request;
}

std::string QueryOf(std::string_view answer) {
  constexpr std::string_view kAround = " \t\r\n\"'`*";
  const size_t begin = answer.find_first_not_of(kAround);
  if (begin == std::string_view::npos) return "";
  answer.remove_prefix(begin);
  answer = answer.substr(0, answer.find_first_of("\r\n"));
  answer = answer.substr(0, answer.find_last_not_of(kAround) + 1);
  return Cut(std::string(answer), kQueryBytesMax);
}

Task<Rewritten> RewriteQuestion(Gateway& gateway, Asked asked,
                                std::vector<chat::Message> conversation) {
  asked.tier_max = routing::Tier::kDevice;
  asked.whole = true;
  Rewritten rewritten;
  auto generation = Generate(gateway, asked, RewriteRequest(conversation));
  if (!generation) co_return rewritten;
  auto answer =
      co_await Answer(gateway, **generation, gateway.clock.Now() + kRewriteTime, rewritten.work);
  if (answer) rewritten.query = QueryOf(*answer);
  co_return rewritten;
}

}  // namespace weir::gateway
