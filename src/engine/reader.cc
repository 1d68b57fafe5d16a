#include "engine/reader.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace weir::engine {
namespace {

Error Broken(const char* what) { return {Code::kBackendFailed, what}; }

}  // namespace

Result<wire::Frame> ReadFrame(int socket, wire::FrameReader& frames) {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    Result<std::optional<wire::Frame>> next = frames.Next();
    if (!next) return std::unexpected(next.error());
    if (*next) return std::move(**next);
    const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (frames.InsideFrame()) return Fail(Broken("the gateway went away inside a frame"));
      return Fail(Code::kCancelled, "the gateway closed the connection");
    }
    frames.Append({buffer.data(), static_cast<size_t>(got)});
  }
}

Result<void> Reader::Run() {
  Result<void> ended = TakeAll();
  CancelAll();
  return ended;
}

Result<void> Reader::TakeAll() {
  for (;;) {
    Result<wire::Frame> frame = ReadFrame(socket_, frames_);
    if (!frame && frame.error().code == Code::kCancelled) return {};
    if (!frame) return std::unexpected(frame.error());
    if (auto taken = Take(*frame); !taken) return taken;
  }
}

Result<void> Reader::Take(const wire::Frame& frame) {
  switch (static_cast<wire::EngineFrame>(frame.kind)) {
    case wire::EngineFrame::kGenerate:
      return Prepare<wire::Generate>(frame);
    case wire::EngineFrame::kEmbed:
      return Prepare<wire::Embed>(frame);
    case wire::EngineFrame::kScore:
      return Prepare<wire::Score>(frame);
    case wire::EngineFrame::kTokenize:
      return Prepare<wire::Tokenize>(frame);
    case wire::EngineFrame::kDetokenize:
      return Prepare<wire::Detokenize>(frame);
    case wire::EngineFrame::kCancel:
      Cancel(frame.request);
      return Push(CancelRequest{frame.request});
    case wire::EngineFrame::kPause:
      return Push(PauseRequest{frame.request, true});
    case wire::EngineFrame::kResume:
      return Push(PauseRequest{frame.request, false});
    case wire::EngineFrame::kQueryStats:
      if (auto used = UseId(frame.request); !used) return used;
      return Push(StatsRequest{frame.request});
    default:
      return Fail(Broken("the gateway sent a frame of a kind that engines do not take"));
  }
}

template <class Asked>
Result<void> Reader::Prepare(const wire::Frame& frame) {
  std::optional<Asked> asked = wire::Decode<Asked>(frame.body);
  if (!asked) return Fail(Broken("the gateway sent a request that does not decode"));
  Result<CancelFlag> flag = Open(frame.request);
  if (!flag) return std::unexpected(flag.error());
  return preparer_.Take({.id = frame.request,
                         .cancelled = std::move(*flag),
                         .received = SystemClock().Now(),
                         .asked = std::move(*asked),
                         .bytes = frame.body.size()});
}

Result<void> Reader::Push(InboxItem item) { return inbox_.Push(std::move(item)); }

Result<void> Reader::UseId(uint64_t id) {
  if (id <= newest_id_) return Fail(Broken("the gateway used a request id twice"));
  newest_id_ = id;
  return {};
}

Result<CancelFlag> Reader::Open(uint64_t id) {
  if (auto used = UseId(id); !used) return std::unexpected(used.error());
  if (flags_.size() >= wire::kRequestsOpenMax) {
    std::erase_if(flags_, [](const auto& entry) { return entry.second.expired(); });
    if (flags_.size() >= wire::kRequestsOpenMax) {
      return Fail(Broken("the gateway opened more requests than the protocol allows"));
    }
  }
  auto flag = std::make_shared<std::atomic<bool>>(false);
  flags_[id] = flag;
  return flag;
}

void Reader::Cancel(uint64_t id) {
  const auto found = flags_.find(id);
  if (found == flags_.end()) return;
  if (const CancelFlag flag = found->second.lock()) {
    flag->store(true, std::memory_order_relaxed);
    watch_.Cancelled();
  }
  flags_.erase(found);
}

void Reader::CancelAll() {
  for (const auto& [id, open] : flags_) {
    if (const CancelFlag flag = open.lock()) flag->store(true, std::memory_order_relaxed);
  }
  flags_.clear();
  watch_.Cancelled();
}

}  // namespace weir::engine
