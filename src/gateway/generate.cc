#include "gateway/generate.h"

#include <algorithm>
#include <utility>

#include "async/deadline.h"

namespace weir::gateway {
namespace {

// Failures of the target, not of the request: another target may do better.
bool MayMoveOn(Code code) {
  return code == Code::kBackendFailed || code == Code::kUnavailable || code == Code::kRateLimited;
}

class RoutedGeneration final : public Generation {
 public:
  RoutedGeneration(Gateway& gateway, Asked asked, routing::Decision decision,
                   chat::GenerateRequest request)
      : gateway_(gateway),
        asked_(std::move(asked)),
        decision_(std::move(decision)),
        request_(std::move(request)) {
    if (asked_.deadline) deadline_ = gateway_.clock.Now() + *asked_.deadline;
    decision_id_ = gateway_.decisions.Add(
        {.time = gateway_.clock.WallNow(), .principal = asked_.principal, .decision = decision_});
  }

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    const MonotonicTime now = gateway_.clock.Now();
    if (now >= deadline_) co_return Fail(DeadlinePassed());
    const Duration left = std::min<Duration>(patience, deadline_ - now);
    Result<std::optional<chat::Event>> event = co_await Try(left);
    while (!event && !answered_ && MayMoveOn(event.error().code) && MoveOn(event.error())) {
      event = co_await Try(left);
    }
    if (event && *event) answered_ = true;
    if (event && *event && !recorded_) Record("served");
    if (event && !*event && gateway_.clock.Now() >= deadline_) co_return Fail(DeadlinePassed());
    if (!event && !recorded_) Record(std::string(CodeName(event.error().code)));
    co_return std::move(event);
  }

  const routing::Target& target() const override { return decision_.eligible[current_]; }
  const routing::Decision& decision() const override { return decision_; }
  const std::string& decision_id() const override { return decision_id_; }

 private:
  static Error DeadlinePassed() {
    return {Code::kDeadlineExceeded, "the deadline of the request passed", "x-weir-deadline-ms"};
  }

  Task<Result<std::optional<chat::Event>>> Try(Duration patience) {
    if (!stream_) {
      // Loading a model may take longer than the caller's patience; it goes on meanwhile, so trying
      // again is cheap.
      const MonotonicTime until = gateway_.clock.Now() + patience;
      auto stream = co_await WithDeadline(
          until, gateway_.engines.Generate(asked_.principal, target().model, request_));
      if (!stream && stream.error().code == Code::kDeadlineExceeded) {
        co_return std::optional<chat::Event>();
      }
      if (!stream) co_return std::unexpected(stream.error());
      stream_ = std::move(*stream);
    }
    co_return co_await stream_->Next(patience);
  }

  // False when there is nobody left to ask.
  bool MoveOn(const Error& error) {
    if (current_ + 1 >= decision_.eligible.size()) return false;
    Record(std::string(CodeName(error.code)));
    recorded_ = false;
    stream_.reset();
    ++current_;
    return true;
  }

  void Record(std::string outcome) {
    recorded_ = true;
    DecisionRecord* record = gateway_.decisions.Find(decision_id_);
    if (record != nullptr) record->attempts.push_back({target().name, std::move(outcome)});
  }

  Gateway& gateway_;
  Asked asked_;
  routing::Decision decision_;
  chat::GenerateRequest request_;
  std::string decision_id_ = {};
  MonotonicTime deadline_ = MonotonicTime::max();
  std::unique_ptr<backends::EventStream> stream_ = {};
  size_t current_ = 0;
  bool answered_ = false;
  bool recorded_ = false;
};

int64_t BytesOf(const chat::GenerateRequest& request) {
  size_t bytes = request.suffix.size();
  for (const auto& message : request.messages) {
    for (const auto& part : message.parts) bytes += part.text.size() + part.data.size();
    for (const auto& call : message.tool_calls) bytes += call.arguments.size();
  }
  for (const auto& prompt : request.prompts) bytes += prompt.text.size() + prompt.tokens.size();
  for (const auto& tool : request.tools) bytes += tool.description.size() + tool.parameters.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

routing::Features FeaturesOf(const chat::GenerateRequest& request) {
  routing::Features features{.prompt_bytes = BytesOf(request)};
  for (const auto& message : request.messages) {
    for (const auto& part : message.parts) {
      features.images |= part.kind == chat::Part::Kind::kImage;
      features.audio |= part.kind == chat::Part::Kind::kAudio;
    }
  }
  features.tools =
      !request.tools.empty() && request.tool_choice.mode != chat::ToolChoice::Mode::kNone;
  features.json_schema = request.response_format.kind == chat::ResponseFormat::Kind::kJsonSchema;
  return features;
}

Result<std::unique_ptr<Generation>> Generate(Gateway& gateway, const Asked& asked,
                                             chat::GenerateRequest request) {
  routing::Features features = FeaturesOf(request);
  features.label = LabelOf(gateway, asked);
  features.tier_max = asked.tier_max;
  Result<routing::Decision> decision = routing::Decide(*gateway.policy(), request.model, features);
  if (!decision) return std::unexpected(decision.error());
  return std::make_unique<RoutedGeneration>(gateway, asked, std::move(*decision),
                                            std::move(request));
}

}  // namespace weir::gateway
