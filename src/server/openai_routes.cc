#include "server/openai_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/lists.h"
#include "dialects/openai/request.h"
#include "gateway/embed.h"
#include "gateway/generate.h"
#include "server/weir_object.h"

namespace weir::server {
namespace {

// What is gathered from the events for the `weir` object and the books.
struct Gathered {
  std::vector<chat::ChoiceDone> choices = {};
  std::optional<chat::Done> done = {};
  int64_t tokens_seen = 0;  // the prompt, and at least one for each delta

  void Take(const chat::Event& event) {
    if (const auto* started = std::get_if<chat::Started>(&event)) {
      tokens_seen += std::max<int64_t>(started->prompt_tokens, 0);
    }
    if (std::holds_alternative<chat::Delta>(event)) ++tokens_seen;
    if (const auto* choice = std::get_if<chat::ChoiceDone>(&event)) choices.push_back(*choice);
    if (const auto* end = std::get_if<chat::Done>(&event)) done = *end;
  }
};

bool IsAnswer(const chat::Event& event) {
  return !std::holds_alternative<chat::Started>(event) &&
         !std::holds_alternative<chat::Progress>(event);
}

std::string WeirOf(const Call& call, const gateway::Generation& generation, Gathered gathered) {
  return RenderWeirObject({.decision_id = generation.decision_id(),
                           .target = generation.target(),
                           .decision = generation.decision(),
                           .explain = call.asked.explain,
                           .choices = std::move(gathered.choices),
                           .done = gathered.done});
}

void Book(Site& site, Call& call, const routing::Target& target, const chat::Usage& usage) {
  const int64_t prompt = usage.prompt_tokens.value_or(0);
  const int64_t completion = usage.completion_tokens.value_or(0);
  site.metrics.CountTokens(target.name, prompt, usage.cached_tokens.value_or(0), completion);
  site.metrics.keys().Count(call.asked.principal, target.name, usage);
  call.tokens += prompt + completion;
}

// An answer without its end costs the key what was seen of it: leaving early is no way around a
// limit.
void BookPart(Call& call, const Gathered& gathered) {
  if (!gathered.done) call.tokens += gathered.tokens_seen;
}

openai::AnswerHead HeadOf(Site& site, const openai::AnswerForm& form,
                          const gateway::Generation& generation) {
  const bool chat = form.kind == openai::AnswerForm::Kind::kChat;
  return {.id = NewId(chat ? "chatcmpl-" : "cmpl-"),
          .created_s = UnixSeconds(site.clock.WallNow()),
          .model = generation.target().name};
}

// All events of a generation, whichever target gives them.
Task<Result<Gathered>> TakeAll(Site& site, Call& call, gateway::Generation& generation,
                               openai::WholeAnswer& answer) {
  Gathered gathered;
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal, generation.target().name);
  while (!gathered.done) {
    auto event = co_await generation.Next(site.options.heartbeat);
    if (event && !*event) continue;
    Result<void> taken = event ? answer.Append(**event) : std::unexpected(event.error());
    if (!taken) {
      BookPart(call, gathered);
      co_return std::unexpected(taken.error());
    }
    seat.Run(generation.target().name);
    gathered.Take(**event);
  }
  co_return gathered;
}

Task<void> AnswerWhole(Site& site, Call& call, const openai::AnswerForm& form,
                       gateway::Generation& generation) {
  openai::WholeAnswer answer(HeadOf(site, form, generation), form);
  auto gathered = co_await TakeAll(site, call, generation, answer);
  if (!gathered) {
    co_await call.SendError(gathered.error());
    co_return;
  }
  Book(site, call, generation.target(), gathered->done->usage);
  Result<std::string> body = answer.End(WeirOf(call, generation, std::move(*gathered)));
  if (!body) {
    co_await call.SendError(body.error());
    co_return;
  }
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, generation.decision_id(), generation.target(),
                     generation.decision().label);
  reply.body = std::move(*body);
  co_await call.exchange.Send(std::move(reply));
}

// A streamed answer. The head waits for the first token, so that a failure before it is an honest
// status, but not for ever. Each turn waits for one event, takes what else is there without
// waiting, and writes it at once; awaiting the write is the back-pressure.
class StreamedAnswer {
 public:
  StreamedAnswer(Site& site, Call& call, const openai::AnswerForm& form,
                 gateway::Generation& generation)
      : site_(site),
        call_(call),
        form_(form),
        generation_(generation),
        seat_(site.metrics.keys(), call.asked.principal, generation.target().name),
        head_at_(site.clock.Now() + site.options.head_patience) {}
  ~StreamedAnswer() { BookPart(call_, gathered_); }
  StreamedAnswer(const StreamedAnswer&) = delete;
  StreamedAnswer& operator=(const StreamedAnswer&) = delete;

  Task<void> Run() {
    while (!gathered_.done && !failure_) {
      co_await Gather();
      if (failure_ && failure_->code == Code::kCancelled && call_.exchange.ClientGone()) co_return;
      if (failure_ && !encoder_) {
        co_await call_.SendError(*failure_);
        co_return;
      }
      if (failure_) BreakOff();
      if (out_.empty()) continue;
      if (auto written = co_await call_.exchange.Write(out_); !written) co_return;
      out_.clear();
    }
    co_await call_.exchange.End();
  }

 private:
  static constexpr size_t kEventsAtOnceMax = 256;
  static constexpr size_t kBytesAtOnce = size_t{64} << 10;

  Task<void> Gather() {
    Duration patience = Patience();
    for (size_t i = 0; i < kEventsAtOnceMax && out_.size() < kBytesAtOnce; ++i) {
      auto event = co_await generation_.Next(patience);
      if (!event) failure_ = std::move(event.error());
      if (event && !*event && i == 0) Wait();
      if (!event || !*event) co_return;
      Take(**event);
      if (gathered_.done || failure_) co_return;
      patience = Duration::zero();
    }
  }

  Duration Patience() const {
    if (encoder_) return site_.options.heartbeat;
    return std::max<Duration>(head_at_ - site_.clock.Now(), Duration::zero());
  }

  void Wait() {
    Start();
    openai::StreamEncoder::Heartbeat(out_);
  }

  void Take(const chat::Event& event) {
    gathered_.Take(event);
    seat_.Run(generation_.target().name);
    if (const auto* progress = std::get_if<chat::Progress>(&event)) Tell(*progress);
    if (!IsAnswer(event)) return;
    Start();
    if (auto taken = encoder_->Append(event, out_); !taken) {
      failure_ = std::move(taken.error());
    } else if (gathered_.done) {
      Book(site_, call_, generation_.target(), gathered_.done->usage);
      encoder_->End(WeirOf(call_, generation_, gathered_), out_);
    }
  }

  // Before the head it would cost a later failure its honest status, so only who asked gets it
  // then.
  void Tell(const chat::Progress& progress) {
    if (call_.asked.progress) Start();
    if (encoder_) openai::StreamEncoder::Progress(progress, out_);
  }

  void Start() {
    if (encoder_) return;
    http::Reply head = call_.Head(200, "text/event-stream");
    head.headers.Add("cache-control", "no-cache");
    head.headers.Add("x-accel-buffering", "no");
    AddDecisionHeaders(head, generation_.decision_id(), generation_.target(),
                       generation_.decision().label);
    call_.exchange.Start(std::move(head));
    encoder_.emplace(HeadOf(site_, form_, generation_), form_);
  }

  void BreakOff() {
    call_.failed_in_stream = true;
    encoder_->Fail(*failure_, out_);
  }

  Site& site_;
  Call& call_;
  const openai::AnswerForm& form_;
  gateway::Generation& generation_;
  KeyBook::Seat seat_;
  const MonotonicTime head_at_;
  std::optional<openai::StreamEncoder> encoder_ = {};  // since the head was fixed
  std::optional<Error> failure_ = {};
  Gathered gathered_ = {};
  std::string out_ = {};
};

Task<void> Answer(Site& site, Call& call, Result<openai::GenerateCall> asked) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const openai::AnswerForm form = openai::FormOf(*asked);
  const bool stream = asked->stream;
  auto generation = gateway::Generate(site.gateway, call.asked, std::move(asked->request));
  if (!generation) {
    co_await call.SendError(generation.error());
    co_return;
  }
  if (stream) {
    StreamedAnswer answer(site, call, form, **generation);
    co_await answer.Run();
  } else {
    co_await AnswerWhole(site, call, form, **generation);
  }
}

openai::ModelEntry EntryOf(const ListedModel& model) {
  return {model.name, model.created, model.owner};
}

}  // namespace

Task<void> OpenAiChat(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadChat(call.request().body, limits));
}

Task<void> OpenAiCompletion(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadCompletion(call.request().body, limits));
}

Task<void> OpenAiEmbeddings(Site& site, Call& call) {
  auto asked = openai::ReadEmbeddings(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal,
                     site.KnownName(asked->request.model));
  auto answered = co_await gateway::Embed(site.gateway, call.asked, std::move(asked->request));
  if (answered) seat.Run(answered->target.name);
  if (!answered) {
    co_await call.SendError(answered.error());
    co_return;
  }
  Book(site, call, answered->target, answered->value.usage);
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, answered->decision_id, answered->target, answered->decision.label);
  const std::string weir = RenderWeirObject({.decision_id = answered->decision_id,
                                             .target = answered->target,
                                             .decision = answered->decision,
                                             .explain = call.asked.explain});
  reply.body =
      openai::RenderEmbeddings(answered->value, answered->target.name, asked->base64, weir);
  co_await call.exchange.Send(std::move(reply));
}

Task<void> OpenAiModels(Site& site, Call& call) {
  std::vector<openai::ModelEntry> entries;
  for (const ListedModel& model : site.list_models()) entries.push_back(EntryOf(model));
  co_await call.SendJson(200, openai::RenderModels(entries));
}

Task<void> OpenAiModel(Site& site, Call& call) {
  const std::string name = http::PercentDecode(call.tail).value_or("");
  for (const ListedModel& model : site.list_models()) {
    if (model.name != name) continue;
    co_await call.SendJson(200, openai::RenderModel(EntryOf(model)));
    co_return;
  }
  co_await call.SendError({Code::kNotFound,
                           fmt::format("there is no model '{}' here", name.substr(0, 128)), "model",
                           "model_not_found"});
}

}  // namespace weir::server
