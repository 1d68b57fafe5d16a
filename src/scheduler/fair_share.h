// Whose turn it is: service time shared equally between keys, and what a key gets, between its
// clients (start-time fair queueing on both levels). So nobody gets more by calling himself many.
//
// Each key and each client of it has a virtual time, the service it was given. The one with the
// least goes next. Who arrives, or comes back after being idle, starts at the present virtual time:
// nobody saves up a claim by waiting, nobody is made to pay for what used to be free. Who leaves
// deep in debt stays remembered until the others have caught up, so coming back quickly gains
// nothing.
//
// Bounded: idle ones beyond kKeysRememberedMax, and kClientsRememberedMax of a key, are forgotten,
// those with the least debt first. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace weir::scheduler {

// One level: names and what they were given.
class Shares {
 public:
  struct Share {
    Duration served{0};
    Duration owed{0};     // what is under way will take so long yet, as its owner reckons
    int32_t live = 0;     // requests that have not ended
    int32_t waiting = 0;  // of these, never started; the owner counts, on the level of keys
  };

  explicit Shares(size_t remembered_max) : remembered_max_(remembered_max) {}

  // A request begins; the reference stays valid until its Leave.
  Share& Enter(uint64_t id);
  void Leave(uint64_t id);
  const Share* Find(uint64_t id) const;
  int32_t with_waiting() const;  // how many have a request that was never started
  size_t remembered() const { return shares_.size(); }

 private:
  Duration Present();
  void Forget();

  size_t remembered_max_;
  std::unordered_map<uint64_t, Share> shares_ = {};
  Duration present_{0};
};

class FairShare {
 public:
  static constexpr size_t kKeysRememberedMax = 1024;
  static constexpr size_t kClientsRememberedMax = 64;

  // Who pays for a request.
  struct Party {
    uint64_t key_id = 0;
    uint64_t client_id = 0;
    Shares::Share* key = nullptr;
    Shares::Share* client = nullptr;
  };

  // A request begins; the pointers stay valid until its Leave.
  Party Enter(uint64_t key, uint64_t client);
  void Leave(const Party& party);
  static void Charge(const Party& party, Duration cost);
  const Shares& keys() const { return keys_; }

 private:
  Shares keys_{kKeysRememberedMax};
  std::unordered_map<uint64_t, Shares> clients_ = {};  // of each key with a request
};

// Something that wants a turn.
struct Claim {
  int32_t rank = 0;                         // the least goes first, whoever it is
  const FairShare::Party* party = nullptr;  // null: by order alone
  Duration wait{0};                         // so much service may others have before it
  uint64_t order = 0;
  int32_t index = 0;
  size_t item = 0;                       // the owner's
  Duration key_turn{0}, client_turn{0};  // filled in by Sort
};

// The most urgent first: by rank, then by the key that was served least, of its claims by the
// client that was. A key stands where its claim with the least wait puts it. Where
// places are given away, what is owed counts as served.
void Sort(std::vector<Claim>& claims, bool with_owed);

}  // namespace weir::scheduler
