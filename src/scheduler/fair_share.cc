#include "scheduler/fair_share.h"

#include <algorithm>

#include "base/check.h"

namespace weir::scheduler {

// The least service among those that are being served; it never goes back.
Duration FairShare::Present() {
  Duration least = Duration::max();
  for (const auto& [id, client] : clients_) {
    if (client.live > 0) least = std::min(least, client.served);
  }
  if (least != Duration::max()) present_ = std::max(present_, least);
  return present_;
}

FairShare::Client& FairShare::Enter(uint64_t id) {
  const Duration present = Present();
  Client& client = clients_[id];
  if (client.live == 0) client.served = std::max(client.served, present);
  ++client.live;
  return client;
}

void FairShare::Leave(uint64_t id) {
  const auto it = clients_.find(id);
  CHECK(it != clients_.end() && it->second.live > 0, "a client leaves as often as it entered");
  if (--it->second.live > 0) return;
  CHECK(it->second.waiting == 0, "a client without requests waits for nothing");
  const bool idle = std::none_of(clients_.begin(), clients_.end(),
                                 [](const auto& entry) { return entry.second.live > 0; });
  if (idle) {
    clients_.clear();  // nobody is left to have been treated unfairly
  } else if (it->second.served <= Present()) {
    clients_.erase(it);
  } else if (clients_.size() > kRememberedMax) {
    Forget();
  }
}

void FairShare::Forget() {
  auto least = clients_.end();
  for (auto it = clients_.begin(); it != clients_.end(); ++it) {
    if (it->second.live > 0) continue;
    if (least == clients_.end() || it->second.served < least->second.served) least = it;
  }
  if (least != clients_.end()) clients_.erase(least);
}

int32_t FairShare::waiting_clients() const {
  return static_cast<int32_t>(
      std::count_if(clients_.begin(), clients_.end(),
                    [](const auto& entry) { return entry.second.waiting > 0; }));
}

const FairShare::Client* FairShare::Find(uint64_t id) const {
  const auto it = clients_.find(id);
  return it == clients_.end() ? nullptr : &it->second;
}

}  // namespace weir::scheduler
