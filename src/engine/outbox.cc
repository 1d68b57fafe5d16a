#include "engine/outbox.h"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>

namespace weir::engine {

void Outbox::PutEncoded(wire::EngineFrame kind, uint64_t request, std::string_view body) {
  if (body.size() > wire::kFrameBodyBytesMax) {
    PutFailure(request, Error{Code::kTooLarge,
                              "the answer is larger than a frame between our "
                              "processes may be; ask for less at once"});
    return;
  }
  bytes_ += wire::EncodeFrame(static_cast<uint16_t>(kind), request, body);
}

bool Outbox::Flush() {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const ssize_t sent = send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  bytes_.clear();
  return true;
}

}  // namespace weir::engine
