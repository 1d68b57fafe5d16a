// The right to send one sequence of bytes to one place, once. The gateway asks the PermitOffice for
// one before every attempt; the egress process checks it with a PermitBook before a byte leaves.
// Retry, fallback and a changed body need a new one.
//
// A Permit can be made by the PermitOffice alone and used by moving it away: a function that sends
// takes a Permit by value, so code that has none does not compile (permit_compile_test). What it
// proves: this label may go to this backend under this policy, for exactly these bytes (SHA-256 of
// method, url, path, headers and body, before the credential is added), until it expires. The MAC
// (keyed BLAKE2b, key shared by office and book over their private socket) binds all of it.
//
// Pure but for randomness: time is handed in. One thread each.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "chat/label.h"
#include "chat/provider.h"
#include "wire/egress.h"

namespace weir::privacy {

inline constexpr Duration kPermitLife = std::chrono::seconds(30);  // until the call has to start
inline constexpr size_t kDestinationsMax = 4096;
// Permits may be used in another order than they were issued in, this far apart.
inline constexpr uint64_t kSerialWindow = 1u << 14;

// A backend's place in the network, as the configuration says. Office and book each read it
// themselves.
struct Destination {
  std::string backend = {};
  std::vector<std::string> urls = {};  // one for each replica; without a trailing slash
  chat::Label ceiling = chat::Label::kPublic;

  bool operator==(const Destination&) const = default;
};

// 32 bytes: of everything that must be the same in gateway and egress for a permit to count.
std::string PolicyHash(std::string_view policy_text);
// 32 bytes: of the exact bytes of a call.
std::string DigestOf(std::string_view method, std::string_view url, std::string_view path,
                     const chat::ProviderHeaders& headers, std::string_view body);
// 32 random bytes for EgressHello.
std::string NewMacKey();

class PermitOffice;

class Permit {
 public:
  Permit(Permit&&) = default;
  Permit& operator=(Permit&&) = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() = default;

  const std::string& backend() const { return slip_.backend; }
  uint32_t replica() const { return slip_.replica; }
  // What travels. The permit is spent.
  wire::PermitSlip Spend() && { return std::move(slip_); }

 private:
  friend class PermitOffice;
  explicit Permit(wire::PermitSlip slip) : slip_(std::move(slip)) {}

  wire::PermitSlip slip_;
};

// Whom a permit is for.
struct Purpose {
  std::string request_id = {};
  std::string target = {};
  std::string backend = {};
  uint32_t replica = 0;
  chat::Label label = chat::Label::kUnscanned;
};

class PermitOffice {
 public:
  // `mac_key` is that of the egress process it works with; a new egress process gets a new office.
  PermitOffice(std::vector<Destination> destinations, std::string policy_hash, std::string mac_key);

  // kForbidden with reason label_exceeds_ceiling, or unknown_destination, otherwise.
  Result<Permit> Issue(const Purpose& purpose, const chat::ProviderCall& call, MonotonicTime now);

  // The same in two steps, for a call that takes long to hash: `digest` is DigestOf the call at the
  // address that UrlOf gave. The book hashes too, so a permit of other bytes is worth nothing.
  Result<std::string> UrlOf(const Purpose& purpose, const chat::ProviderCall& call) const;
  Result<Permit> Issue(const Purpose& purpose, const chat::ProviderCall& call, MonotonicTime now,
                       std::string digest);

 private:
  Result<const std::string*> FindUrl(const Purpose& purpose, const chat::ProviderCall& call) const;
  Permit Make(const Purpose& purpose, const chat::ProviderCall& call, MonotonicTime now,
              std::string digest);

  std::map<std::string, Destination, std::less<>> destinations_;
  std::string policy_hash_;
  std::string mac_key_;
  uint64_t next_serial_ = 1;
};

// The door's side.
class PermitBook {
 public:
  PermitBook(std::vector<Destination> destinations, std::string policy_hash, std::string mac_key);

  // Marks it as used and gives the address that it is for. Every refusal is kForbidden, with the
  // reason: permit_forged, permit_used, permit_expired, permit_policy (another configuration),
  // permit_bytes (not what was permitted), unknown_destination, label_exceeds_ceiling.
  Result<std::string> Redeem(const wire::EgressCall& call, MonotonicTime now);

 private:
  bool UseOnce(uint64_t serial);

  std::map<std::string, Destination, std::less<>> destinations_;
  std::string policy_hash_;
  std::string mac_key_;
  // Which of the last kSerialWindow serials were used; older ones count as used (the window of
  // RFC 4303, section 3.4.3).
  std::bitset<kSerialWindow> used_ = {};
  uint64_t newest_ = 0;
};

}  // namespace weir::privacy
