// What conversion costs: `dialects_bench [--quick]` prints a JSON line for each pair of a dialect
// that clients speak and one that answers. Medians of processor time (others on the machine do not
// count), in microseconds. For bench/dialects.py; not shipped.
//
//   {"what":"request","client","answerer","us","bytes"}    4 KiB from the client to the answerer
//   {"what":"event","client","answerer","us"}              a piece of text, of 1,000
//   {"what":"growth","of","client","answerer","count","us"} all of it: a request with that many
//                                                          messages, calls or tools; an answer with
//                                                          that many events, streamed or whole
//   {"what":"refused","client","answerer","param"}         the answerer cannot be asked this
//
// `--only WHAT CLIENT ANSWERER` does one piece of work again and again, for a profiler.
#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "dialects/pairs/clients_for_test.h"
#include "dialects/pairs/sized_bodies.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::pairs {
namespace {

constexpr size_t kRequestBytes = 4096;
constexpr size_t kEvents = 1000;

double ProcessorMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// How long each measurement may take, and how often it is taken at least.
struct Patience {
  double us = 60'000;
  size_t times_min = 11;
};

double MedianOf(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
}

// Microseconds of one call of `work`, which is called often enough for the clock each time.
double Median(const Patience& patience, const std::function<void()>& work) {
  constexpr double kBatchUs = 100;
  const double first = ProcessorMicroseconds();
  work();
  const double once = std::max(ProcessorMicroseconds() - first, 0.05);
  const auto batch = static_cast<size_t>(std::max(1.0, kBatchUs / once));
  std::vector<double> times;
  const double start = ProcessorMicroseconds();
  while (times.size() < patience.times_min || ProcessorMicroseconds() - start < patience.us) {
    const double before = ProcessorMicroseconds();
    for (size_t i = 0; i < batch; ++i) work();
    times.push_back((ProcessorMicroseconds() - before) / static_cast<double>(batch));
  }
  return MedianOf(std::move(times));
}

const chat::ProviderModel kModel = {.name = "the-model"};

// The client's bytes become those that leave. The bytes, or why not.
Result<std::string> Convert(const ClientDialect& client, const Answerer& answerer,
                            std::string_view body) {
  const auto call = client.read(body);
  if (!call) return Fail(call.error());
  if (answerer.dialect == nullptr)
    return wire::EncodeFrame(static_cast<uint16_t>(wire::EngineFrame::kGenerate), 1,
                             wire::EncodeAsked({}, call->request));
  auto upstream = answerer.dialect->write(call->request, kModel, {}, true);
  if (!upstream) return Fail(upstream.error());
  return std::move(upstream->body);
}

// The whole of an answer goes from one to the other, a piece at a time.
class Answering {
 public:
  Answering(const ClientDialect& client, const Answerer& answerer, Pieces pieces, bool streams)
      : answerer_(answerer), pieces_(std::move(pieces)), streams_(streams) {
    auto call = client.read(RequestBody(client.name, {.bytes = kRequestBytes}));
    CHECK(call.has_value(), "a request that its own dialect refuses");
    call_ = std::move(*call);
  }

  void Run() {
    const auto answer = call_.answer(streams_);
    out_.clear();
    answerer_.dialect == nullptr ? RunEngine(*answer) : RunProvider(*answer);
    CHECK(answer->End(out_).has_value(), "an answer without its end");
  }

 private:
  void Take(ClientAnswer& answer, const chat::Event& event) {
    CHECK(answer.Append(event, out_).has_value(), "an event that is refused");
    out_.clear();
  }

  void RunEngine(ClientAnswer& answer) {
    wire::FrameReader frames;
    for (const std::string& piece : pieces_.pieces) {
      frames.Append(piece);
      const auto frame = frames.Next();
      CHECK(frame && *frame, "a frame that is not whole");
      const auto event = wire::Decode<chat::Event>((*frame)->body);
      CHECK(event.has_value(), "a frame that is no event");
      Take(answer, *event);
    }
  }

  void RunProvider(ClientAnswer& answer) {
    const auto reader = answerer_.dialect->read(call_.request, {.streams = true}, {});
    CHECK(reader->Head(200, {{"content-type", pieces_.content_type}}).has_value(), "no answer");
    std::vector<chat::Event> events;
    for (const std::string& piece : pieces_.pieces) {
      CHECK(reader->Feed(piece, events).has_value(), "a piece that is refused");
      for (const chat::Event& event : events) Take(answer, event);
      events.clear();
    }
    CHECK(reader->End(events).has_value(), "an answer that was cut");
    for (const chat::Event& event : events) Take(answer, event);
  }

  const Answerer& answerer_;
  const Pieces pieces_;
  const bool streams_;
  ClientCall call_ = {};
  std::string out_ = {};
};

void MeasureRequest(const Patience& patience, const ClientDialect& client,
                    const Answerer& answerer) {
  const std::string body = RequestBody(client.name, {.bytes = kRequestBytes});
  CHECK(client.read(body).has_value(), "a request that its own dialect refuses");
  if (const auto tried = Convert(client, answerer, body); !tried) {
    fmt::print(R"({{"what":"refused","client":"{}","answerer":"{}","param":"{}"}})"
               "\n",
               client.name, answerer.name, tried.error().param);
    return;
  }
  const double us = Median(patience, [&] { (void)Convert(client, answerer, body); });
  fmt::print(R"({{"what":"request","client":"{}","answerer":"{}","us":{:.2f},"bytes":{}}})"
             "\n",
             client.name, answerer.name, us, body.size());
}

bool IsConverted(const ClientDialect& client, const Answerer& answerer) {
  return Convert(client, answerer, RequestBody(client.name, {.bytes = kRequestBytes})).has_value();
}

void MeasureEvent(const Patience& patience, const ClientDialect& client, const Answerer& answerer) {
  if (!IsConverted(client, answerer)) return;
  Answering answering(client, answerer, AnswerPieces(answerer.name, Says::kText, kEvents), true);
  const double us = Median(patience, [&] { answering.Run(); });
  fmt::print(R"({{"what":"event","client":"{}","answerer":"{}","us":{:.3f}}})"
             "\n",
             client.name, answerer.name, us / kEvents);
}

void PrintGrowth(std::string_view of, const ClientDialect& client, const Answerer& answerer,
                 size_t count, double us) {
  fmt::print(R"({{"what":"growth","of":"{}","client":"{}","answerer":"{}","count":{},"us":{:.2f}}})"
             "\n",
             of, client.name, answerer.name, count, us);
}

void MeasureRequestGrowth(const Patience& patience, const ClientDialect& client,
                          const Answerer& answerer) {
  const auto measure = [&](std::string_view of, size_t count, const Asked& asked) {
    const std::string body = RequestBody(client.name, asked);
    if (body.empty() || !Convert(client, answerer, body)) return;
    const double us = Median(patience, [&] { (void)Convert(client, answerer, body); });
    PrintGrowth(of, client, answerer, count, us);
  };
  for (const size_t count : {10, 100, 1000}) {
    measure("messages", count, {.messages = count});
    measure("called turns", count, {.calls = count});
    measure("KiB of text", count, {.bytes = count << 10});
  }
  // No dialect takes more than 128.
  for (const size_t count : {1, 10, 100}) measure("tools", count, {.tools = count});
}

void MeasureAnswerGrowth(const Patience& patience, const ClientDialect& client,
                         const Answerer& answerer) {
  if (!IsConverted(client, answerer)) return;
  const auto measure = [&](std::string_view of, Says says, size_t count, bool streams) {
    Pieces pieces = AnswerPieces(answerer.name, says, count);
    // A plain completion calls nothing.
    if (pieces.pieces.empty() || (says != Says::kText && client.name == "llamacpp")) return;
    Answering answering(client, answerer, std::move(pieces), streams);
    PrintGrowth(of, client, answerer, count, Median(patience, [&] { answering.Run(); }));
  };
  for (const size_t count : {10, 100, 1000, 10'000}) {
    measure("events, streamed", Says::kText, count, true);
    measure("events, whole", Says::kText, count, false);
    measure("pieces of arguments, streamed", Says::kArguments, count, true);
    measure("pieces of arguments, whole", Says::kArguments, count, false);
  }
  for (const size_t count : {1, 10, 100}) measure("calls in an answer", Says::kCalls, count, true);
}

const ClientDialect& ClientOf(std::string_view name) {
  const auto found = std::ranges::find(ClientDialects(), name, &ClientDialect::name);
  CHECK(found != ClientDialects().end(), "no such dialect of clients");
  return *found;
}

const Answerer& AnswererOf(std::string_view name) {
  const auto found = std::ranges::find(Answerers(), name, &Answerer::name);
  CHECK(found != Answerers().end(), "nobody of that name answers");
  return *found;
}

void Only(std::string_view what, const ClientDialect& client, const Answerer& answerer) {
  constexpr int kTimes = 2000;
  if (what == "request") {
    const std::string body = RequestBody(client.name, {.bytes = kRequestBytes});
    for (int i = 0; i < kTimes; ++i) CHECK(Convert(client, answerer, body).has_value(), "refused");
    return;
  }
  Answering answering(client, answerer, AnswerPieces(answerer.name, Says::kText, kEvents), true);
  for (int i = 0; i < kTimes / 100; ++i) answering.Run();
}

void Measure(std::span<char*> words) {
  if (words.size() == 4 && std::string_view(words[0]) == "--only") {
    Only(words[1], ClientOf(words[2]), AnswererOf(words[3]));
    return;
  }
  Patience patience;
  if (words.size() == 1 && std::string_view(words[0]) == "--quick")
    patience = {.us = 0, .times_min = 3};
  for (const ClientDialect& client : ClientDialects()) {
    for (const Answerer& answerer : Answerers()) {
      MeasureRequest(patience, client, answerer);
      MeasureEvent(patience, client, answerer);
      MeasureRequestGrowth(patience, client, answerer);
      MeasureAnswerGrowth(patience, client, answerer);
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace weir::pairs

int main(int count, char** words) {
  // What a conversion computes is measured, not how long the system takes for pages of memory that
  // was given back before: texts of a megabyte would cost half as much again for each byte.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  weir::pairs::Measure(std::span(words, static_cast<size_t>(count)).subspan(1));
  return EXIT_SUCCESS;
}
