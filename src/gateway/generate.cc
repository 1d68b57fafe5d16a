#include "gateway/generate.h"

#include <algorithm>
#include <utility>

#include "async/deadline.h"

namespace weir::gateway {
namespace {

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
    if (now >= deadline_) co_return End(DeadlinePassed());
    const MonotonicTime until = now + std::min<Duration>(patience, deadline_ - now);
    Result<std::optional<chat::Event>> event = co_await Try(until);
    while (!event && !answered_ && MayMoveOn(event.error().code) && MoveOn(event.error())) {
      event = co_await Try(until);
    }
    if (!event) co_return End(std::move(event.error()));
    if (auto valid = StillValid(); !valid) co_return End(std::move(valid.error()));
    if (*event && !std::exchange(answered_, true)) Record("served");
    if (!*event && gateway_.clock.Now() >= deadline_) co_return End(DeadlinePassed());
    co_return std::move(event);
  }

  const routing::Target& target() const override { return decision_.eligible[current_]; }
  const routing::Decision& decision() const override { return decision_; }
  const std::string& decision_id() const override { return decision_id_; }

 private:
  static constexpr Duration kLooksAtKey = std::chrono::milliseconds(250);

  Result<void> StillValid() const {
    return gateway_.still_valid ? gateway_.still_valid(asked_.principal) : Result<void>();
  }

  static Error DeadlinePassed() {
    return {Code::kDeadlineExceeded, "the deadline of the request passed", "x-weir-deadline-ms"};
  }

  Task<Result<std::optional<chat::Event>>> Try(MonotonicTime until) {
    if (!stream_) {
      // Loading a model may take longer than the caller's patience; it goes on meanwhile, so trying
      // again is cheap.
      auto stream = co_await WithDeadline(
          until, gateway_.engines.Generate(asked_.principal, target().model, request_));
      const bool patience_over = gateway_.clock.Now() >= until;
      if (!stream && stream.error().code == Code::kDeadlineExceeded && patience_over) {
        co_return std::optional<chat::Event>();
      }
      if (!stream) co_return std::unexpected(stream.error());
      stream_ = std::move(*stream);
    }
    co_return co_await Listen(until);
  }

  // In short pieces where keys may end: who waits for a quiet target is stopped in time, too.
  Task<Result<std::optional<chat::Event>>> Listen(MonotonicTime until) {
    for (;;) {
      const Duration left = until - gateway_.clock.Now();
      const Duration piece = gateway_.still_valid ? std::min(left, kLooksAtKey) : left;
      auto event = co_await stream_->Next(piece);
      if (!event || *event || piece == left || !StillValid()) co_return std::move(event);
    }
  }

  // False when there is nobody left to ask.
  bool MoveOn(const Error& error) {
    if (current_ + 1 >= decision_.eligible.size()) return false;
    Record(CodeName(error.code));
    stream_.reset();
    ++current_;
    return true;
  }

  std::unexpected<Error> End(Error error) {
    Record(CodeName(error.code));
    stream_.reset();
    return Fail(std::move(error));
  }

  // A target that broke off after it had served says so instead.
  void Record(std::string_view outcome) {
    DecisionRecord* record = gateway_.decisions.Find(decision_id_);
    if (record == nullptr) return;
    if (answered_ && record->attempts.size() > current_) {
      record->attempts.back().outcome = outcome;
    } else {
      record->attempts.push_back({target().name, std::string(outcome)});
    }
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
