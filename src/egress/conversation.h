// The door's end of the gateway's socket: frames in, permits checked, calls made, answers back.
//
// The gateway is not believed: a frame that breaks a bound ends the conversation, and nothing is
// sent anywhere without a permit that the PermitBook accepts. The credential is added after that
// check, here, and appears nowhere else.
//
// One thread. Never blocks: bytes for the gateway wait in a bounded buffer, and calls whose bytes
// would not fit are paused.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "chat/provider.h"
#include "http/transfers.h"
#include "privacy/permit.h"
#include "wire/egress.h"
#include "wire/frame.h"

namespace weir::egress {

// One backend as the door knows it, key included.
struct Place {
  privacy::Destination destination = {};
  bool public_allowed = false;  // addresses beyond loopback and private ones
  std::string ca_file = {};
  std::string proxy = {};
  chat::CredentialStyle credential = chat::CredentialStyle::kBearer;
  bool key_wanted = false;
  std::string key = {};
};

class Conversation {
 public:
  // Bytes that wait for the gateway; beyond, calls pause.
  static constexpr size_t kOutgoingBytesMax = 8u << 20;

  Conversation(std::vector<Place> places, std::string policy_hash, std::vector<std::string> sandbox,
               http::Transfers& transfers, const Clock& clock);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // What arrived. An Error: the gateway broke the protocol, and the conversation is over.
  Result<void> Feed(std::string_view bytes);
  // What has to be written next; Wrote says how much of it was.
  std::string_view Outgoing() const;
  void Wrote(size_t bytes);
  size_t calls() const { return calls_.size(); }

 private:
  class Call;

  Result<void> Take(const wire::Frame& frame);
  Result<void> TakeHello(std::string_view body);
  Result<void> TakeCall(uint64_t id, std::string_view body);
  Result<void> TakeCredit(uint64_t id, std::string_view body);
  Result<http::TransferSpec> Permitted(wire::EgressCall call);
  void Send(wire::EgressFrame kind, uint64_t id, std::string_view body);
  void Fail(uint64_t id, const Error& error);
  bool IsFull() const { return outgoing_.size() - sent_ >= kOutgoingBytesMax; }

  std::map<std::string, Place, std::less<>> places_;
  std::string policy_hash_;
  std::vector<std::string> sandbox_;
  http::Transfers& transfers_;
  const Clock& clock_;
  wire::FrameReader frames_;
  std::optional<privacy::PermitBook> book_ = {};  // since Hello
  std::map<uint64_t, std::unique_ptr<Call>> calls_;
  uint64_t last_id_ = 0;
  std::string outgoing_ = {};
  size_t sent_ = 0;  // of outgoing_
};

}  // namespace weir::egress
