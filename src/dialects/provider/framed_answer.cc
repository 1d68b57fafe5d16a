#include "dialects/provider/framed_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "dialects/provider/malformed.h"

namespace weir::provider {
namespace {

std::string MediaType(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  type.erase(type.find_last_not_of(" \t") + 1);
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return type;
}

std::unexpected<Error> TooLarge(std::string_view what, size_t limit) {
  return Fail(Code::kBackendFailed, fmt::format("{} of the provider is over {} bytes", what, limit),
              {}, "provider_answer_too_large");
}

}  // namespace

Result<void> LineReader::Append(std::string_view bytes) {
  if (line_.size() + bytes.size() > line_bytes_max_) return TooLarge("a line", line_bytes_max_);
  line_.append(bytes);
  return {};
}

template <class Sink>
Result<void> LineReader::Feed(std::string_view bytes, Sink&& sink) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (auto kept = Append(bytes.substr(0, end)); !kept) return kept;
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    const std::string line = std::move(line_);
    line_.clear();
    const bool blank = line.find_first_not_of(" \t\r") == std::string::npos;
    if (auto taken = blank ? Result<void>() : sink(line); !taken) return taken;
  }
  return {};
}

Result<void> FramedAnswer::Keep(Result<void> result) {
  if (!result && !failed_) failed_ = result.error();
  return result;
}

Result<void> FramedAnswer::Head(int status, const chat::ProviderHeaders& headers) {
  CHECK(body_ == Body::kNone && !failed_, "the head of an answer comes once");
  return Keep(TakeHead(status, headers));
}

Error FramedAnswer::StatusError() const {
  return chat::ProviderStatusError(status_, retry_after_s_, {});
}

Result<void> FramedAnswer::TakeHead(int status, const chat::ProviderHeaders& headers) {
  status_ = status;
  retry_after_s_ = chat::RetryAfterSeconds(headers);
  if (status >= 300 && status < 400) return Fail(StatusError());
  if (status < 200 || status >= 300) {
    body_ = Body::kError;
    return {};
  }
  const auto body = BodyOf(chat::FindHeader(headers, "content-type"));
  if (!body) {
    return Fail(Code::kBackendFailed, "the provider's answer is not of a type that it should have",
                {}, "provider_wrong_type");
  }
  body_ = *body;
  return {};
}

// Servers that ignore `stream` answer with one document, and some name no type at all.
std::optional<FramedAnswer::Body> FramedAnswer::BodyOf(std::string_view content_type) const {
  const std::string type = MediaType(content_type);
  const Body stream = framing_ == Framing::kEvents ? Body::kEvents : Body::kLines;
  if (type.empty()) return streams_ ? stream : Body::kWhole;
  if (type == "text/event-stream" && framing_ == Framing::kEvents) return Body::kEvents;
  const bool lines =
      type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl";
  if (lines && framing_ == Framing::kLines) return Body::kLines;
  if (type != "application/json" && !type.ends_with("+json")) return std::nullopt;
  return streams_ && framing_ == Framing::kLines ? Body::kLines : Body::kWhole;
}

Result<void> FramedAnswer::Feed(std::string_view bytes, std::vector<chat::Event>& out) {
  CHECK(body_ != Body::kNone || failed_, "an answer begins with its head");
  if (failed_) return Fail(*failed_);
  return Keep(TakeBytes(bytes, out));
}

Result<void> FramedAnswer::TakeBytes(std::string_view bytes, Out& out) {
  if (body_ == Body::kError) {
    held_.append(bytes.substr(0, chat::kProviderErrorBytesMax - held_.size()));
    return {};
  }
  if (Finished()) return {};
  bytes_ += bytes.size();
  if (bytes_ > chat::kProviderAnswerBytesMax)
    return TooLarge("an answer", chat::kProviderAnswerBytesMax);
  if (body_ == Body::kWhole) {
    held_.append(bytes);
    return {};
  }
  if (body_ == Body::kLines) {
    return lines_.Feed(bytes, [&](const std::string& line) {
      return Finished() ? Result<void>() : OnFrame("", line, out);
    });
  }
  Result<void> taken;
  const auto read = sse_.Feed(bytes, [&](const http::SseReader::Event& event) {
    if (!Finished()) taken = OnFrame(event.event, event.data, out);
    return taken.has_value();
  });
  if (!taken) return taken;
  if (!read) return TooLarge("a line", chat::kProviderLineBytesMax);
  return {};
}

Result<void> FramedAnswer::End(std::vector<chat::Event>& out) {
  CHECK(body_ != Body::kNone || failed_, "an answer begins with its head");
  if (failed_) return Fail(*failed_);
  return Keep(TakeEnd(out));
}

Result<void> FramedAnswer::TakeEnd(Out& out) {
  if (body_ == Body::kError) {
    const auto parsed = ParseAnswer(held_);
    return Fail(chat::ProviderStatusError(status_, retry_after_s_,
                                          parsed ? ErrorWord(*parsed) : std::string()));
  }
  if (body_ == Body::kWhole) {
    if (Finished()) return {};
    if (held_.empty()) return Cut();
    const auto parsed = ParseAnswer(held_);
    if (!parsed) return Fail(parsed.error());
    if (auto taken = OnWhole(*parsed, out); !taken) return taken;
    return Finished() ? Result<void>() : Cut();
  }
  // A stream whose last line has no end is complete all the same: the transport says so.
  // What cannot be read then was cut off.
  if (auto rest = TakeBytes(body_ == Body::kLines ? "\n" : "\n\n", out); !rest) {
    return rest.error().reason == "provider_malformed" ? Result<void>(Cut()) : rest;
  }
  return Finished() ? Result<void>() : OnStreamEnd(out);
}

Result<void> FramedAnswer::OnStreamEnd(Out&) { return Cut(); }

std::string WordOf(const json::Value& error, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::Value* value = error.Find(key);
    if (value != nullptr && value->AsString() != nullptr) return *value->AsString();
  }
  return {};
}

}  // namespace weir::provider
