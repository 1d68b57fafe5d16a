#include "scheduler/fair_share.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace weir::scheduler {

// The least service among those that are being served; it never goes back.
Duration Shares::Present() {
  Duration least = Duration::max();
  for (const auto& [id, share] : shares_) {
    if (share.live > 0) least = std::min(least, share.served);
  }
  if (least != Duration::max()) present_ = std::max(present_, least);
  return present_;
}

Shares::Share& Shares::Enter(uint64_t id) {
  const Duration present = Present();
  Share& share = shares_[id];
  if (share.live == 0) share.served = std::max(share.served, present);
  ++share.live;
  return share;
}

void Shares::Leave(uint64_t id) {
  const auto it = shares_.find(id);
  CHECK(it != shares_.end() && it->second.live > 0, "one leaves as often as one entered");
  if (--it->second.live > 0) return;
  CHECK(it->second.waiting == 0, "who has no requests waits for nothing");
  it->second.owed = Duration(0);
  const bool idle = std::none_of(shares_.begin(), shares_.end(),
                                 [](const auto& entry) { return entry.second.live > 0; });
  if (idle) {
    shares_.clear();  // nobody is left to have been treated unfairly
  } else if (it->second.served <= Present()) {
    shares_.erase(it);
  } else if (shares_.size() > remembered_max_) {
    Forget();
  }
}

void Shares::Forget() {
  auto least = shares_.end();
  for (auto it = shares_.begin(); it != shares_.end(); ++it) {
    if (it->second.live > 0) continue;
    if (least == shares_.end() || it->second.served < least->second.served) least = it;
  }
  if (least != shares_.end()) shares_.erase(least);
}

int32_t Shares::with_waiting() const {
  return static_cast<int32_t>(std::count_if(
      shares_.begin(), shares_.end(), [](const auto& entry) { return entry.second.waiting > 0; }));
}

const Shares::Share* Shares::Find(uint64_t id) const {
  const auto it = shares_.find(id);
  return it == shares_.end() ? nullptr : &it->second;
}

FairShare::Party FairShare::Enter(uint64_t key, uint64_t client) {
  Shares::Share& of_key = keys_.Enter(key);
  Shares& clients = clients_.try_emplace(key, kClientsRememberedMax).first->second;
  return {key, client, &of_key, &clients.Enter(client)};
}

void FairShare::Leave(const Party& party) {
  const auto clients = clients_.find(party.key_id);
  CHECK(clients != clients_.end(), "a party leaves as often as it entered");
  clients->second.Leave(party.client_id);
  if (clients->second.remembered() == 0) clients_.erase(clients);
  keys_.Leave(party.key_id);
}

void FairShare::Charge(const Party& party, Duration cost) {
  party.key->served += cost;
  party.client->served += cost;
}

void Sort(std::vector<Claim>& claims, bool with_owed) {
  const auto given = [&](const Shares::Share& share) {
    return with_owed ? share.served + share.owed : share.served;
  };
  std::map<std::pair<int32_t, const Shares::Share*>, Duration> least_wait;
  for (const Claim& claim : claims) {
    if (claim.party == nullptr) continue;
    const auto [it, fresh] = least_wait.try_emplace({claim.rank, claim.party->key}, claim.wait);
    if (!fresh) it->second = std::min(it->second, claim.wait);
  }
  for (Claim& claim : claims) {
    if (claim.party == nullptr) continue;
    const auto [key_id, client_id, key, client] = *claim.party;
    claim.key_turn = given(*key) + least_wait.at({claim.rank, key});
    claim.client_turn = given(*client) + claim.wait;
  }
  const auto urgency = [](const Claim& c) {
    return std::tuple(c.rank, c.key_turn, c.client_turn, c.order, c.index);
  };
  std::sort(claims.begin(), claims.end(),
            [&](const Claim& a, const Claim& b) { return urgency(a) < urgency(b); });
}

}  // namespace weir::scheduler
