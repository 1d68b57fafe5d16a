// Whose turn it is: service time shared equally between clients (start-time fair queueing).
//
// Each client has a virtual time, the service it was given. The one with the least goes next. A
// client that arrives, or comes back after being idle, starts at the present virtual time: nobody
// saves up a claim by waiting, nobody is made to pay for what used to be free. A client that leaves
// deep in debt stays remembered until the others have caught up, so coming back quickly gains
// nothing.
//
// Bounded: idle clients beyond kRememberedMax are forgotten, those with the least debt first. One
// thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/clock.h"

namespace weir::scheduler {

class FairShare {
 public:
  static constexpr size_t kRememberedMax = 1024;

  struct Client {
    Duration served{0};
    int32_t live = 0;     // requests that have not ended
    int32_t waiting = 0;  // of these, never started; the owner counts
  };

  // A request of `id` begins; the reference stays valid until its Leave.
  Client& Enter(uint64_t id);
  void Leave(uint64_t id);
  void Charge(Client& client, Duration cost) { client.served += cost; }
  const Client* Find(uint64_t id) const;
  int32_t waiting_clients() const;  // with a request that was never started
  size_t remembered() const { return clients_.size(); }

 private:
  Duration Present();
  void Forget();

  std::unordered_map<uint64_t, Client> clients_;
  Duration present_{0};
};

}  // namespace weir::scheduler
