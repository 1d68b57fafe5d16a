#include "gateway/accounts.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace weir::gateway {
namespace {

constexpr int64_t kBytesPerToken = 3;          // fewer than most texts have
constexpr int64_t kTokensOfMessage = 16;       // that a template puts around each
constexpr int64_t kTokensOfRequest = 64;       // and once
constexpr int64_t kTokensOfUnreadPart = 4096;  // at least, of an image, a sound, a file
// Speech at 6 kbit/s, the least that Opus has, is 750 bytes for each second, and what else is in
// use has more. Silence may be less: what it costs beyond is an overrun. A file's own word for its
// length bounds nothing: it is the caller's. Those who bill sound by tokens count ten for a second
// (OpenAI), and nobody says more tokens in a second than that.
constexpr int64_t kBytesOfSoundSecond = 640;
constexpr int64_t kBytesOfSoundToken = kBytesOfSoundSecond / 10;

int64_t SizeOf(const std::string& text) { return static_cast<int64_t>(text.size()); }

void AddPrompt(const chat::Prompt& prompt, Extent& extent) {
  extent.prompt_bytes += SizeOf(prompt.text);
  extent.prompt_tokens += static_cast<int64_t>(prompt.tokens.size());
  extent.prompt_tokens_max += kTokensOfMessage;
}

void AddMessage(const chat::Message& message, Extent& extent) {
  extent.prompt_tokens_max += kTokensOfMessage;
  extent.prompt_bytes += SizeOf(message.reasoning) + SizeOf(message.name);
  // What is hidden, or lies in a signature, is told to the provider as if it were read here.
  for (const chat::Thought& thought : message.thoughts)
    extent.prompt_bytes += SizeOf(thought.signature) + SizeOf(thought.hidden);
  for (const chat::Part& part : message.parts) {
    extent.prompt_bytes += SizeOf(part.text);
    if (part.kind == chat::Part::Kind::kText) continue;
    extent.prompt_tokens_max += std::max(kTokensOfUnreadPart, SizeOf(part.data));
  }
  for (const chat::ToolCall& call : message.tool_calls) {
    extent.prompt_bytes += SizeOf(call.name) + SizeOf(call.arguments);
    extent.prompt_tokens_max += kTokensOfMessage;
  }
}

// No token is shorter than a byte.
Extent Bounded(Extent extent) {
  extent.prompt_tokens_max += kTokensOfRequest + extent.prompt_bytes + extent.prompt_tokens;
  return extent;
}

class AccountedStream final : public backends::EventStream {
 public:
  AccountedStream(std::unique_ptr<backends::EventStream> stream, std::unique_ptr<Account> account,
                  const Extent& extent, Booked& booked)
      : stream_(std::move(stream)),
        account_(std::move(account)),
        prompt_tokens_(extent.prompt_tokens + TokensOfBytes(extent.prompt_bytes)),
        booked_(booked) {}
  ~AccountedStream() override {
    if (account_) Settle({.status = Outcome::Status::kCancelled}, stream_->Meter());
  }

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    auto event = co_await stream_->Next(patience);
    if (!event && account_) {
      const Error& error = event.error();
      const bool cancelled = error.code == Code::kCancelled;
      Settle({.status = cancelled ? Outcome::Status::kCancelled : Outcome::Status::kFailed,
              .reason = error.reason.empty() ? std::string(CodeName(error.code)) : error.reason},
             stream_->Meter());
    } else if (event && *event) {
      Take(**event);
    }
    co_return std::move(event);
  }
  std::vector<std::string> TakeNotes() override { return stream_->TakeNotes(); }
  backends::Metered Meter() const override { return stream_->Meter(); }

 private:
  void Take(const chat::Event& event) {
    if (const auto* started = std::get_if<chat::Started>(&event)) {
      if (started->prompt_tokens > 0) prompt_tokens_ = started->prompt_tokens;
    } else if (const auto* delta = std::get_if<chat::Delta>(&event)) {
      ++deltas_;
      bytes_ += SizeOf(delta->text) + SizeOf(delta->reasoning);
      for (const auto& call : delta->tool_calls)
        bytes_ += SizeOf(call.name) + SizeOf(call.arguments);
    } else if (const auto* done = std::get_if<chat::Done>(&event); done != nullptr && account_) {
      Outcome outcome;
      outcome.computed = std::chrono::duration_cast<Duration>(
          std::chrono::duration<double, std::milli>(done->prompt_ms + done->decode_ms));
      Settle(std::move(outcome), {.usage = done->usage});
    }
  }

  void Settle(Outcome outcome, const backends::Metered& metered) {
    outcome.may_have_cost = metered.may_have_cost;
    outcome.reported = metered.usage;
    outcome.counted = {.prompt_tokens = prompt_tokens_,
                       .completion_tokens = std::max(deltas_, TokensOfBytes(bytes_))};
    booked_ = account_->Settle(outcome);
    account_.reset();
  }

  std::unique_ptr<backends::EventStream> stream_;
  std::unique_ptr<Account> account_;
  int64_t prompt_tokens_;
  int64_t deltas_ = 0;
  int64_t bytes_ = 0;
  Booked& booked_;
};

}  // namespace

int64_t TokensOfBytes(int64_t bytes) { return (bytes + kBytesPerToken - 1) / kBytesPerToken; }

Extent ExtentOf(const chat::GenerateRequest& request) {
  Extent extent{.prompt_bytes = SizeOf(request.suffix) + SizeOf(request.response_format.schema)};
  for (const chat::Message& message : request.messages) AddMessage(message, extent);
  for (const chat::Prompt& prompt : request.prompts) AddPrompt(prompt, extent);
  for (const chat::ContextFile& file : request.files)
    extent.prompt_bytes += SizeOf(file.name) + SizeOf(file.text);
  for (const chat::Tool& tool : request.tools) {
    extent.prompt_bytes += SizeOf(tool.name) + SizeOf(tool.description) + SizeOf(tool.parameters);
    extent.prompt_tokens_max += kTokensOfMessage;
  }
  extent.prompt_tokens += static_cast<int64_t>(request.context.size());
  extent.answer_tokens_max.reset();
  if (request.max_tokens) {
    const auto prompts = std::max<int64_t>(1, static_cast<int64_t>(request.prompts.size()));
    // What a provider computed in vain of a prediction, it counts as its answer's.
    extent.answer_tokens_max = (int64_t{*request.max_tokens} + SizeOf(request.prediction)) *
                               std::max(request.n, 1) * prompts;
  }
  return Bounded(extent);
}

Extent ExtentOf(const chat::EmbedRequest& request) {
  Extent extent;
  for (const chat::Prompt& prompt : request.inputs) AddPrompt(prompt, extent);
  return Bounded(extent);
}

Extent ExtentOf(const chat::ScoreRequest& request) {
  Extent extent;
  for (const chat::Message& message : request.messages) AddMessage(message, extent);
  AddPrompt(request.prompt, extent);
  for (const std::string& text : request.continuations) AddPrompt({.text = text}, extent);
  return Bounded(extent);
}

Extent ExtentOf(const chat::TranscribeRequest& request) {
  Extent extent{.prompt_bytes = SizeOf(chat::GuideOf(request))};
  const int64_t bytes = SizeOf(chat::AudioOf(request));
  const int64_t sound = bytes / kBytesOfSoundToken + 1;
  extent.prompt_tokens_max = kTokensOfMessage + std::max(kTokensOfUnreadPart, sound);
  extent.answer_tokens_max = sound;
  extent.sound_s_max = bytes / kBytesOfSoundSecond + 1;
  return Bounded(extent);
}

std::unique_ptr<backends::EventStream> Accounted(std::unique_ptr<backends::EventStream> stream,
                                                 std::unique_ptr<Account> account,
                                                 const Extent& extent, Booked& booked) {
  return std::make_unique<AccountedStream>(std::move(stream), std::move(account), extent, booked);
}

void SettleFailed(std::unique_ptr<Account>& account, const Error& error) {
  if (!account) return;
  const bool cancelled = error.code == Code::kCancelled;
  account->Settle(
      {.status = cancelled ? Outcome::Status::kCancelled : Outcome::Status::kFailed,
       .reason = error.reason.empty() ? std::string(CodeName(error.code)) : error.reason,
       .may_have_cost = false});
  account.reset();
}

}  // namespace weir::gateway
