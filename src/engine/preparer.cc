#include "engine/preparer.h"

#include <algorithm>
#include <cmath>
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
  return StartEmbed{request.id, std::move(request.cancelled), request.received, std::move(work)};
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

constexpr double kRetryAfterMax_s = 600;
constexpr double kNewest = 0.2;  // how much the newest text counts in what a byte takes

// When half of what waits is read there is room again.
Error TooManyLong(size_t bytes, double ns_per_byte) {
  const double seconds = std::ceil(static_cast<double>(bytes) * ns_per_byte / 1e9 / 2);
  return {Code::kUnavailable,
          "too many long texts wait to be read; try again",
          {},
          "queue_full",
          /*retry_after_s=*/static_cast<int>(std::clamp(seconds, 1.0, kRetryAfterMax_s))};
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
  const auto* generate = std::get_if<wire::Generate>(&request.asked);
  const bool looks = generate != nullptr && preparation_.LooksAtImages(*generate);
  if (request.bytes <= kShortBytesMax && !looks) return Finish(request);
  const size_t bytes = request.bytes;
  const auto refuse = [&] {
    return inbox_.Push(Failed(request, TooManyLong(long_bytes_, ns_per_byte_)));
  };
  if (long_bytes_ + bytes > kLongBytesMax) return refuse();
  long_bytes_ += bytes;
  if (!long_.Push(std::move(request))) {
    long_bytes_ -= bytes;
    return refuse();
  }
  return {};
}

void Preparer::PrepareLong() {
  while (std::optional<Request> request = long_.Pop()) {
    const size_t bytes = request->bytes;
    const bool cancelled = *request->cancelled;
    const MonotonicTime start = SystemClock().Now();
    if (!Finish(*request)) inbox_full_ = true;
    if (!cancelled) {
      const double took = static_cast<double>((SystemClock().Now() - start).count());
      ns_per_byte_ = ns_per_byte_ + kNewest * (took / static_cast<double>(bytes) - ns_per_byte_);
    }
    long_bytes_ -= bytes;
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
