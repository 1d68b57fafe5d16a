#include "server/answering.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/embed.h"
#include "gateway/generate.h"
#include "gateway/images.h"
#include "gateway/neighbours.h"
#include "gateway/retrieve.h"
#include "gateway/rewrite.h"
#include "server/document_object.h"
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
                           .target = &generation.target(),
                           .decision = generation.decision(),
                           .explain = call.asked.explain,
                           .checked = generation.checked(),
                           .choices = std::move(gathered.choices),
                           .done = gathered.done,
                           .booked = generation.booked(),
                           .sources = call.sources ? &*call.sources : nullptr});
}

// An error is the answer; it says what was decided all the same.
Task<void> SendFailure(Call& call, const gateway::Generation& generation, const Error& error) {
  call.unanswered = gateway::Unanswered{.decision_id = generation.decision_id(),
                                        .decision = generation.decision(),
                                        .target = generation.target()};
  co_await call.SendError(error);
}

// A draft that was not accepted, and the pass over a draft, cost the key as well.
void BookSideWork(Site& site, Call& call, gateway::Generation& generation) {
  for (const gateway::SideWork& work : generation.TakeSideWork()) {
    Book(site, call, work.target, work.usage);
  }
}

// An answer without its end costs the key what was seen of it: leaving early is no way around a
// limit.
void BookPart(Site& site, Call& call, gateway::Generation& generation, const Gathered& gathered) {
  if (!gathered.done) call.tokens += gathered.tokens_seen;
  BookSideWork(site, call, generation);
}

// All events of a generation, whichever target gives them.
Task<Result<Gathered>> TakeAll(Site& site, Call& call, gateway::Generation& generation,
                               Rendering& rendering) {
  Gathered gathered;
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal, generation.target().name);
  std::string nothing;  // what is not streamed comes at the end
  bool begun = false;
  while (!gathered.done) {
    auto event = co_await generation.Next(site.options.heartbeat);
    if (event && !*event) continue;
    if (event && !std::exchange(begun, true))
      rendering.Begin(generation.target().name, UnixSeconds(site.clock.WallNow()));
    Result<void> taken =
        event ? rendering.Append(**event, nothing) : std::unexpected(event.error());
    if (!taken) {
      BookPart(site, call, generation, gathered);
      co_return std::unexpected(taken.error());
    }
    seat.Run(generation.target().name);
    gathered.Take(**event);
  }
  co_return gathered;
}

Task<void> AnswerWhole(Site& site, Call& call, gateway::Generation& generation,
                       Rendering& rendering) {
  auto gathered = co_await TakeAll(site, call, generation, rendering);
  if (!gathered) {
    co_await SendFailure(call, generation, gathered.error());
    co_return;
  }
  Book(site, call, generation.target(), gathered->done->usage);
  BookSideWork(site, call, generation);
  const std::string weir = WeirOf(call, generation, std::move(*gathered));
  std::string body;
  Result<void> ended = co_await rendering.Settle(weir);
  if (ended) ended = rendering.End(weir, body);
  if (!ended) {
    co_await SendFailure(call, generation, ended.error());
    co_return;
  }
  http::Reply reply = call.Head(200, rendering.content_type());
  AddDecisionHeaders(reply, generation.decision_id(), &generation.target(),
                     generation.decision().label);
  reply.body = std::move(body);
  co_await call.exchange.Send(std::move(reply));
}

// A streamed answer. The head waits for the first token, so that a failure before it is an honest
// status, but not for ever. Each turn waits for one event, takes what else is there without
// waiting, and writes it at once; awaiting the write is the back-pressure.
class StreamedAnswer {
 public:
  StreamedAnswer(Site& site, Call& call, gateway::Generation& generation, Rendering& rendering)
      : site_(site),
        call_(call),
        generation_(generation),
        rendering_(rendering),
        seat_(site.metrics.keys(), call.asked.principal, generation.target().name),
        head_at_(site.clock.Now() + site.options.head_patience) {}
  ~StreamedAnswer() { BookPart(site_, call_, generation_, gathered_); }
  StreamedAnswer(const StreamedAnswer&) = delete;
  StreamedAnswer& operator=(const StreamedAnswer&) = delete;

  Task<void> Run() {
    while (!gathered_.done && !failure_) {
      co_await Gather();
      if (gathered_.done && !failure_) co_await Finish();
      if (failure_ && failure_->code == Code::kCancelled && call_.exchange.ClientGone()) co_return;
      if (failure_ && !begun_) {
        co_await SendFailure(call_, generation_, *failure_);
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
    if (begun_) return site_.options.heartbeat;
    return std::max<Duration>(head_at_ - site_.clock.Now(), Duration::zero());
  }

  void Wait() {
    Start();
    rendering_.Heartbeat(out_);
  }

  void Take(const chat::Event& event) {
    seat_.Run(generation_.target().name);
    if (const auto* progress = std::get_if<chat::Progress>(&event)) Tell(*progress);
    gathered_.Take(event);
    const auto* started = std::get_if<chat::Started>(&event);
    if (started != nullptr) started_ = *started;
    if (IsAnswer(event)) Start();
    const bool told = IsAnswer(event) || (started != nullptr && begun_);
    if (!told) return;
    if (auto taken = rendering_.Append(event, out_); !taken) failure_ = std::move(taken.error());
  }

  Task<void> Finish() {
    Book(site_, call_, generation_.target(), gathered_.done->usage);
    const std::string weir = WeirOf(call_, generation_, gathered_);
    Result<void> ended = co_await rendering_.Settle(weir);
    if (ended) ended = rendering_.End(weir, out_);
    if (!ended) failure_ = std::move(ended.error());
  }

  // Before the head it would cost a later failure its honest status, so only who asked gets it
  // then.
  void Tell(const chat::Progress& progress) {
    if (call_.asked.progress) Start();
    if (begun_) rendering_.Progress(progress, out_);
  }

  void Start() {
    if (begun_) return;
    begun_ = true;
    http::Reply head = call_.Head(200, rendering_.content_type());
    head.headers.Add("cache-control", "no-cache");
    head.headers.Add("x-accel-buffering", "no");
    AddDecisionHeaders(head, generation_.decision_id(), &generation_.target(),
                       generation_.decision().label);
    call_.exchange.Start(std::move(head));
    rendering_.Begin(generation_.target().name, UnixSeconds(site_.clock.WallNow()));
    if (!started_) return;
    if (auto taken = rendering_.Append(*started_, out_); !taken)
      failure_ = std::move(taken.error());
  }

  void BreakOff() {
    call_.failed_in_stream = true;
    rendering_.Fail(*failure_, out_);
  }

  Site& site_;
  Call& call_;
  gateway::Generation& generation_;
  Rendering& rendering_;
  KeyBook::Seat seat_;
  const MonotonicTime head_at_;
  bool begun_ = false;  // the head is fixed
  std::optional<chat::Started> started_ = {};
  std::optional<Error> failure_ = {};
  Gathered gathered_ = {};
  std::string out_ = {};
};

}  // namespace

void Book(Site& site, Call& call, const routing::Target& target, const chat::Usage& usage) {
  const int64_t prompt = usage.prompt_tokens.value_or(0);
  const int64_t completion = usage.completion_tokens.value_or(0);
  site.metrics.CountTokens(target.name, prompt, usage.cached_tokens.value_or(0), completion);
  site.metrics.keys().Count(call.asked.principal, target.name, usage);
  call.tokens += prompt + completion;
}

Task<std::string> QueryFor(Site& site, Call& call, const chat::FileSearch& where,
                           std::string question, std::vector<chat::Message> conversation) {
  if (!where.rewrite) co_return question;
  if (conversation.empty()) conversation.push_back({.parts = {{.text = question}}});
  const auto rewritten =
      co_await gateway::RewriteQuestion(site.gateway, call.asked, std::move(conversation));
  if (rewritten.work) Book(site, call, rewritten.work->target, rewritten.work->usage);
  co_return rewritten.query.empty() ? question : rewritten.query;
}

Task<Result<void>> GiveSources(Site& site, Call& call, const chat::FileSearch& where,
                               chat::GenerateRequest& request) {
  if (site.documents == nullptr) co_return Fail(NoDocumentsHere());
  std::string question = gateway::QuestionOf(request);
  if (question.empty()) {
    co_return Fail(Code::kInvalidArgument, "file_search needs a message of the user", "messages",
                   "invalid_value");
  }
  call.question = question;
  question = co_await QueryFor(site, call, where, std::move(question),
                               where.rewrite ? request.messages : std::vector<chat::Message>());
  auto found = co_await gateway::Retrieve(site.gateway, *site.documents, call.asked, where,
                                          std::move(question));
  if (!found) co_return Fail(found.error());
  gateway::GivePassages(*found, call.asked, request);
  call.sources = std::move(*found);
  co_return Result<void>();
}

Task<void> AnswerGeneration(Site& site, Call& call, chat::GenerateRequest request,
                            Rendering& rendering) {
  if (auto ahead = co_await gateway::ReadAhead(site.gateway, request); !ahead) {
    co_await call.SendError(ahead.error());
    co_return;
  }
  if (auto fetched = co_await gateway::FetchImages(site.gateway, call.asked, request); !fetched) {
    co_await call.SendError(fetched.error());
    co_return;
  }
  co_await gateway::LookForNeighbours(site.gateway, call.asked, request);
  call.asked.whole = !rendering.streams();
  auto generation =
      gateway::Generate(site.gateway, call.asked, std::move(request), &call.unanswered);
  if (!generation) {
    co_await call.SendError(generation.error());
    co_return;
  }
  if (rendering.streams()) {
    StreamedAnswer answer(site, call, **generation, rendering);
    co_await answer.Run();
  } else {
    co_await AnswerWhole(site, call, **generation, rendering);
  }
}

Task<void> AnswerEmbeddings(Site& site, Call& call, chat::EmbedRequest request,
                            RenderVectors render) {
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal, site.KnownName(request.model));
  if (auto ahead = co_await gateway::ReadAhead(site.gateway, request); !ahead) {
    co_await call.SendError(ahead.error());
    co_return;
  }
  auto answered =
      co_await gateway::Embed(site.gateway, call.asked, std::move(request), &call.unanswered);
  if (answered) seat.Run(answered->target.name);
  if (!answered) {
    co_await call.SendError(answered.error());
    co_return;
  }
  Book(site, call, answered->target, answered->value.usage);
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, answered->decision_id, &answered->target, answered->decision.label);
  const std::string weir = RenderWeirObject({.decision_id = answered->decision_id,
                                             .target = &answered->target,
                                             .decision = answered->decision,
                                             .explain = call.asked.explain,
                                             .booked = answered->booked});
  reply.body = render(answered->value, answered->target.name, weir);
  co_await call.exchange.Send(std::move(reply));
}

}  // namespace weir::server
