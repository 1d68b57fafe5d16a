#include "backends/document_reader.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "base/utf8.h"
#include "wire/frame.h"

namespace weir::backends {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

Error BrokeIt() {
  return {Code::kUnprocessable, "its reader failed on it; the document may be damaged", "document",
          "broken_document"};
}

// A reader that a document took over can say anything; it cannot make us say it.
Error AsTold(const wire::Failure& failure) {
  constexpr size_t kWordsMax = 512;
  constexpr Code kCodes[] = {Code::kUnprocessable, Code::kTooLarge, Code::kUnavailable,
                             Code::kDeadlineExceeded};
  constexpr std::string_view kReasons[] = {
      "broken_document",    "encrypted_document", "empty_document",    "unsupported_document",
      "document_too_large", "document_too_slow",  "pdf_reader_missing"};
  const bool known = std::ranges::find(kCodes, failure.code) != std::end(kCodes) &&
                     std::ranges::find(kReasons, failure.reason) != std::end(kReasons) &&
                     failure.message.size() <= kWordsMax && IsValidUtf8(failure.message);
  if (!known) return BrokeIt();
  return {failure.code, failure.message, "document", failure.reason};
}

}  // namespace

// A place among the readers that run at once.
class ReaderProcesses::Seat {
 public:
  explicit Seat(ReaderProcesses& readers) : readers_(readers) { ++readers_.running_; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() {
    if (id_) readers_.starter_.Stop(*id_, Duration::zero());
    --readers_.running_;
    readers_.changed_.Set();
  }
  uint64_t NewId() { return *(id_ = readers_.next_id_++); }

 private:
  ReaderProcesses& readers_;
  std::optional<uint64_t> id_ = {};
};

ReaderProcesses::ReaderProcesses(const Executor& executor, const Clock& clock,
                                 EngineStarter& starter, const Options& options)
    : executor_(executor),
      clock_(clock),
      starter_(starter),
      options_(options),
      changed_(executor) {}

Task<Result<wire::Pages>> ReaderProcesses::Read(wire::Document document) {
  if (document.bytes.size() > wire::kDocumentBytesMax) {
    co_return Fail(Code::kTooLarge,
                   fmt::format("it has {} bytes; the most is {}", document.bytes.size(),
                               wire::kDocumentBytesMax),
                   "document", "document_too_large");
  }
  while (running_ >= options_.readers_max) {
    changed_.Reset();
    if (auto waited = co_await changed_.Wait(); !waited) co_return Fail(waited.error());
  }
  Seat seat(*this);
  auto socket = co_await starter_.Start(seat.NewId(), {});
  if (!socket) co_return Fail(socket.error());
  const size_t bytes = document.bytes.size();
  auto pages = co_await WithDeadline(clock_.Now() + options_.patience,
                                     Converse(socket->Release(), std::move(document)));
  if (!pages && pages.error().code == Code::kDeadlineExceeded) {
    co_return Fail(Code::kUnprocessable, "it took too long to read", "document",
                   "document_too_slow");
  }
  if (pages && !wire::BrokenBound(*pages, bytes).empty()) co_return Fail(BrokeIt());
  co_return pages;
}

Task<Result<wire::Pages>> ReaderProcesses::Converse(int socket, wire::Document document) {
  Descriptor descriptor(executor_, socket);
  const std::string frame = wire::EncodeFrame(static_cast<uint16_t>(wire::DocumentFrame::kDocument),
                                              0, wire::Encode(std::exchange(document, {})));
  if (auto sent = co_await SendAll(descriptor, frame); !sent) {
    co_return Fail(sent.error().code == Code::kCancelled ? sent.error() : BrokeIt());
  }
  wire::FrameReader frames;
  std::string block(kReadBytes, '\0');
  for (;;) {
    auto next = frames.Next();
    if (!next) co_return Fail(BrokeIt());
    if (*next) {
      const wire::Frame& answer = **next;
      if (answer.kind == static_cast<uint16_t>(wire::DocumentFrame::kPages)) {
        auto pages = wire::Decode<wire::Pages>(answer.body);
        if (!pages) co_return Fail(BrokeIt());
        co_return std::move(*pages);
      }
      const auto failure = wire::Decode<wire::Failure>(answer.body);
      if (!failure || answer.kind != static_cast<uint16_t>(wire::DocumentFrame::kFailure))
        co_return Fail(BrokeIt());
      co_return Fail(AsTold(*failure));
    }
    const ssize_t got = recv(descriptor.fd(), block.data(), block.size(), 0);
    if (got > 0) {
      frames.Append(std::string_view(block).substr(0, static_cast<size_t>(got)));
    } else if (got < 0 && errno == EAGAIN) {
      if (auto ready = co_await descriptor.WaitReadable(); !ready) co_return Fail(ready.error());
    } else if (got == 0 || errno != EINTR) {
      co_return Fail(BrokeIt());
    }
  }
}

}  // namespace weir::backends
