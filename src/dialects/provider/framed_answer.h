// What every provider's answer has in common: a head that says whether it is an answer, an error or
// something else; a body that is one JSON document, server-sent events, or lines of JSON; bounds;
// and an end that must have been seen. A dialect derives from it and gives meaning to documents.
//
// Bytes may come in any pieces. After an Error every further call gives the same Error.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/provider.h"
#include "dialects/provider/answer_events.h"
#include "http/sse.h"
#include "json/value.h"

namespace weir::provider {

// Cuts a stream into lines; LF and CRLF end one. Blank lines are skipped.
class LineReader {
 public:
  explicit LineReader(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  // kTooLarge over the bound; an Error of the sink ends the reading.
  template <class Sink>
  Result<void> Feed(std::string_view bytes, Sink&& sink);
  // What the last Feed left without a line end.
  std::string TakeRest() { return std::move(line_); }

 private:
  Result<void> Append(std::string_view bytes);

  size_t line_bytes_max_;
  std::string line_;
};

class FramedAnswer : public chat::ProviderAnswer {
 public:
  enum class Framing : uint8_t { kEvents, kLines };

  Result<void> Head(int status, const chat::ProviderHeaders& headers) final;
  Result<void> Feed(std::string_view bytes, std::vector<chat::Event>& out) final;
  Result<void> End(std::vector<chat::Event>& out) final;
  bool Finished() const final { return events_.ended(); }
  chat::Usage Reported() const final { return events_.usage(); }

 protected:
  using Out = AnswerEvents::Out;

  // `streams`: what the call asked for. `framing`: how this dialect streams.
  FramedAnswer(Framing framing, bool streams, int32_t choices)
      : events_(choices),
        framing_(framing),
        streams_(streams),
        sse_(http::SseLimits{.line_bytes = chat::kProviderLineBytesMax,
                             .event_bytes = chat::kProviderLineBytesMax}),
        lines_(chat::kProviderLineBytesMax) {}

  // One event's data, or one line. `event` is its name, empty without one.
  virtual Result<void> OnFrame(std::string_view event, std::string_view data, Out& out) = 0;
  // The document of an answer that does not stream; must end the events.
  virtual Result<void> OnWhole(const json::Value& body, Out& out) = 0;
  // The stream ended in good order, and the events have not. Most dialects have an end of their
  // own, so that this is a cut.
  virtual Result<void> OnStreamEnd(Out& out);
  // The provider's word for a failure, from the body of an answer beyond 2xx.
  virtual std::string ErrorWord(const json::Value& body) const = 0;

  AnswerEvents events_;

 private:
  enum class Body : uint8_t { kNone, kError, kWhole, kEvents, kLines };

  Result<void> TakeHead(int status, const chat::ProviderHeaders& headers);
  std::optional<Body> BodyOf(std::string_view content_type) const;
  Result<void> TakeBytes(std::string_view bytes, Out& out);
  Result<void> TakeEnd(Out& out);
  Result<void> Keep(Result<void> result);
  Error StatusError() const;

  Framing framing_;
  bool streams_;
  Body body_ = Body::kNone;
  int status_ = 0;
  int retry_after_s_ = 0;
  size_t bytes_ = 0;
  std::string held_;  // of a body that does not stream
  http::SseReader sse_;
  LineReader lines_;
  std::optional<Error> failed_;
};

// The word out of `{"error": {"<key>": "word"}}`, the first key that holds a string; empty when
// there is none. `body` may be anything.
std::string WordOf(const json::Value& error, std::initializer_list<std::string_view> keys);

}  // namespace weir::provider
