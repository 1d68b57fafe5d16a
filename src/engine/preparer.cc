#include "engine/preparer.h"

#include <string>
#include <utility>

namespace weir::engine {
namespace {

using Request = Preparer::Request;

InboxItem Failed(const Request& request, const Error& error) {
  return ReadyReply{request.id, wire::EngineFrame::kFailure, wire::Encode(wire::FailureOf(error))};
}

InboxItem Started(Request& request, PreparedGenerate work) {
  return StartGenerate{request.id, std::move(request.cancelled), request.received, std::move(work)};
}
InboxItem Started(Request& request, PreparedEmbed work) {
  return StartEmbed{request.id, std::move(request.cancelled), std::move(work)};
}
InboxItem Started(Request& request, PreparedScore work) {
  return StartScore{request.id, std::move(request.cancelled), std::move(work)};
}
InboxItem Started(Request& request, const wire::Tokens& tokens) {
  return ReadyReply{request.id, wire::EngineFrame::kTokens, wire::Encode(tokens)};
}
InboxItem Started(Request& request, const wire::Text& text) {
  return ReadyReply{request.id, wire::EngineFrame::kText, wire::Encode(text)};
}

Error TooManyLong() {
  return {Code::kUnavailable,
          "too many long texts wait to be read; try again",
          {},
          "queue_full",
          /*retry_after_s=*/5};
}

}  // namespace

Preparer::Preparer(const Preparation& preparation, Inbox& inbox)
    : preparation_(preparation), inbox_(inbox), long_(wire::kRequestsOpenMax) {
  thread_ = std::thread([this] { PrepareLong(); });
}

Preparer::~Preparer() {
  long_.Close();
  thread_.join();
}

Result<void> Preparer::Take(Request request) {
  if (inbox_full_) return Fail(Code::kUnavailable, "the inbox of the engine is full");
  if (request.bytes <= kShortBytesMax) return Finish(request);
  const size_t bytes = request.bytes;
  if (long_bytes_ + bytes > kLongBytesMax) return inbox_.Push(Failed(request, TooManyLong()));
  long_bytes_ += bytes;
  if (!long_.Push(std::move(request))) {
    long_bytes_ -= bytes;
    return inbox_.Push(Failed(request, TooManyLong()));
  }
  return {};
}

void Preparer::PrepareLong() {
  while (std::optional<Request> request = long_.Pop()) {
    if (!Finish(*request)) inbox_full_ = true;
    long_bytes_ -= request->bytes;
  }
}

Result<void> Preparer::Finish(Request& request) { return inbox_.Push(Prepared(request)); }

InboxItem Preparer::Prepared(Request& request) const {
  return std::visit(
      [&](auto& asked) {
        if (*request.cancelled) return Failed(request, Cancelled());
        auto prepared = preparation_.Prepare(std::move(asked), *request.cancelled);
        return prepared ? Started(request, std::move(*prepared))
                        : Failed(request, prepared.error());
      },
      request.asked);
}

}  // namespace weir::engine
