// A Backend for tests that tells a story: for each model a script of what its generations do, what
// it embeds and scores. It records what it was asked, and how many streams live.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "async/event.h"
#include "async/loop.h"
#include "backends/backend.h"

namespace weir::backends {

// One step of a generation: an event, a failure, or silence: for a while, or until the reader has
// lost its patience once.
struct Silence {};
using Step = std::variant<chat::Event, Error, Silence, Duration>;

// What a generation usually does: start, these texts, one choice's end, the end.
inline std::deque<Step> Says(const std::vector<std::string>& texts) {
  std::deque<Step> steps = {chat::Event(chat::Started{.prompt_tokens = 3})};
  for (const auto& text : texts) steps.push_back(chat::Event(chat::Delta{.text = text}));
  steps.push_back(chat::Event(chat::ChoiceDone{}));
  steps.push_back(
      chat::Event(chat::Done{.usage = {.prompt_tokens = 3,
                                       .cached_tokens = 1,
                                       .completion_tokens = static_cast<int64_t>(texts.size())}}));
  return steps;
}

class FakeBackend final : public Backend {
 public:
  struct Model {
    std::deque<Step> steps = {};               // of each generation
    std::optional<Error> refusal = {};         // instead of a stream, a vector, a score
    Duration load_time = Duration::zero();     // of the first request; cancelled, it begins again
    size_t answers_missing = 0;                // vectors or scores that it forgets
    std::vector<float> vector = {0.6f, 0.8f};  // of every text
    std::vector<double> scores = {};           // log-probabilities; missing ones are -1, -2, ...
    Residence residence = {.load = Duration::zero()};
  };

  std::map<std::string, Model> models = {};
  std::vector<std::string> asked = {};  // model names, in order
  std::vector<chat::Principal> principals = {};
  std::vector<chat::GenerateRequest> requests = {};
  std::vector<chat::ScoreRequest> scored = {};
  int live_streams = 0;
  size_t nexts = 0;  // calls of Next
  std::function<void()> on_next = {};

  Task<Result<std::unique_ptr<EventStream>>> Generate(
      const chat::Principal& principal, std::string model,
      const chat::GenerateRequest& request) override {
    Note(principal, model);
    requests.push_back(request);
    Model& found = models[model];
    if (found.load_time > Duration::zero() && !co_await SleepFor(found.load_time)) {
      co_return Fail(Code::kCancelled, "cancelled");
    }
    if (found.refusal) co_return Fail(*found.refusal);
    co_return std::make_unique<Stream>(*this, found.steps);
  }
  Task<Result<chat::Embeddings>> Embed(const chat::Principal& principal, std::string model,
                                       const chat::EmbedRequest& request) override {
    Note(principal, model);
    const Model& found = models[model];
    if (found.load_time > Duration::zero() && !co_await SleepFor(found.load_time)) {
      co_return Fail(Code::kCancelled, "cancelled");
    }
    if (found.refusal) co_return Fail(*found.refusal);
    chat::Embeddings answer{.usage = {.prompt_tokens = 2}};
    answer.vectors.assign(request.inputs.size() - found.answers_missing, found.vector);
    co_return answer;
  }
  Task<Result<chat::Scores>> Score(const chat::Principal& principal, std::string model,
                                   const chat::ScoreRequest& request) override {
    Note(principal, model);
    scored.push_back(request);
    const Model& found = models[model];
    if (found.load_time > Duration::zero() && !co_await SleepFor(found.load_time)) {
      co_return Fail(Code::kCancelled, "cancelled");
    }
    if (found.refusal) co_return Fail(*found.refusal);
    chat::Scores answer{.usage = {.prompt_tokens = 4, .cached_tokens = 2}};
    for (size_t i = found.answers_missing; i < request.continuations.size(); ++i) {
      const double usual = -1.0 - static_cast<double>(i);
      answer.continuations.push_back({i < found.scores.size() ? found.scores[i] : usual, 1});
    }
    co_return answer;
  }
  Residence ResidenceOf(const std::string& model) const override {
    const auto found = models.find(model);
    return found == models.end() ? Residence() : found->second.residence;
  }

 private:
  class Stream final : public EventStream {
   public:
    Stream(FakeBackend& backend, std::deque<Step> steps)
        : backend_(backend), steps_(std::move(steps)) {
      ++backend_.live_streams;
    }
    ~Stream() override { --backend_.live_streams; }

    Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
      ++backend_.nexts;
      if (backend_.on_next) backend_.on_next();
      if (steps_.empty()) {  // it has no more to say, and hangs
        if (!co_await SleepFor(patience)) co_return Fail(Code::kCancelled, "cancelled");
        co_return std::nullopt;
      }
      if (auto* pause = std::get_if<Duration>(&steps_.front())) {
        const Duration wait = std::min(patience, *pause);
        if (!co_await SleepFor(wait)) co_return Fail(Code::kCancelled, "cancelled");
        *pause -= wait;
        if (*pause > Duration::zero()) co_return std::nullopt;
        steps_.pop_front();
        co_return co_await Next(patience);
      }
      if (std::holds_alternative<Silence>(steps_.front())) {
        if (patience > Duration::zero()) steps_.pop_front();
        co_return std::nullopt;
      }
      const Step step = std::move(steps_.front());
      steps_.pop_front();
      if (const auto* error = std::get_if<Error>(&step)) co_return Fail(*error);
      co_return std::get<chat::Event>(step);
    }

   private:
    FakeBackend& backend_;
    std::deque<Step> steps_;
  };

  void Note(const chat::Principal& principal, const std::string& model) {
    asked.push_back(model);
    principals.push_back(principal);
  }
};

}  // namespace weir::backends
