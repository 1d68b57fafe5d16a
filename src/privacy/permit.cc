#include "privacy/permit.h"

#include <fmt/core.h>

#include <array>
#include <span>

#include "base/check.h"
#include "base/random.h"
#include "hash/hash.h"
#include "hash/sodium.h"

namespace weir::privacy {
namespace {

constexpr size_t kHashBytes = 32;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Lengths go in too: no two calls give the same sequence of bytes.
class FieldHash {
 public:
  void Add(std::string_view text) {
    const uint64_t length = text.size();
    hash_.Add(std::as_bytes(std::span(&length, 1)));
    hash_.Add(text);
  }
  std::string Bytes() const { return hash_.Bytes(); }

 private:
  Sha256 hash_;
};

std::string MacOf(wire::PermitSlip& slip, const std::string& key) {
  const std::string mac = std::exchange(slip.mac, {});
  const std::string text = wire::Encode(slip);
  slip.mac = mac;
  std::string made(kHashBytes, '\0');
  StartSodium();
  crypto_generichash(reinterpret_cast<unsigned char*>(made.data()), made.size(), Bytes(text),
                     text.size(), Bytes(key), key.size());
  return made;
}

int64_t Nanoseconds(MonotonicTime time) { return time.time_since_epoch().count(); }

std::unexpected<Error> Refuse(std::string_view reason, std::string message) {
  return Fail(Code::kForbidden, std::move(message), "", std::string(reason));
}

std::unexpected<Error> AboveCeiling(const std::string& backend, chat::Label label,
                                    chat::Label ceiling) {
  return Refuse("label_exceeds_ceiling",
                fmt::format("the request is labelled {}, above the ceiling of backend '{}' ({})",
                            chat::LabelName(label), backend, chat::LabelName(ceiling)));
}

std::map<std::string, Destination, std::less<>> ByName(std::vector<Destination> destinations) {
  CHECK(destinations.size() <= kDestinationsMax, "over kDestinationsMax");
  std::map<std::string, Destination, std::less<>> by_name;
  for (Destination& destination : destinations) {
    std::string name = destination.backend;
    by_name.emplace(std::move(name), std::move(destination));
  }
  return by_name;
}

}  // namespace

std::string PolicyHash(std::string_view policy_text) {
  FieldHash hash;
  hash.Add("weir policy");
  hash.Add(policy_text);
  return hash.Bytes();
}

std::string DigestOf(std::string_view method, std::string_view url, std::string_view path,
                     const chat::ProviderHeaders& headers, std::string_view body) {
  FieldHash hash;
  hash.Add(method);
  hash.Add(url);
  hash.Add(path);
  hash.Add(std::to_string(headers.size()));
  for (const auto& [name, value] : headers) {
    hash.Add(name);
    hash.Add(value);
  }
  hash.Add(body);
  return hash.Bytes();
}

std::string NewMacKey() {
  std::string key(wire::kMacKeyBytes, '\0');
  FillRandom(std::as_writable_bytes(std::span(key)));
  return key;
}

PermitOffice::PermitOffice(std::vector<Destination> destinations, std::string policy_hash,
                           std::string mac_key)
    : destinations_(ByName(std::move(destinations))),
      policy_hash_(std::move(policy_hash)),
      mac_key_(std::move(mac_key)) {
  CHECK(mac_key_.size() == wire::kMacKeyBytes, "a MAC key has 32 bytes");
}

Result<const std::string*> PermitOffice::FindUrl(const Purpose& purpose,
                                                 const chat::ProviderCall& call) const {
  const auto found = destinations_.find(purpose.backend);
  if (found == destinations_.end() || purpose.replica >= found->second.urls.size()) {
    return Refuse("unknown_destination", fmt::format("'{}' is no backend of this configuration",
                                                     purpose.backend.substr(0, 128)));
  }
  const Destination& destination = found->second;
  if (!chat::Permits(destination.ceiling, purpose.label)) {
    return AboveCeiling(destination.backend, purpose.label, destination.ceiling);
  }
  if (call.body.size() > chat::kProviderBodyBytesMax) {
    return Fail(Code::kTooLarge, fmt::format("the request has {} bytes for the provider; at most "
                                             "{} may go out",
                                             call.body.size(), chat::kProviderBodyBytesMax));
  }
  return &destination.urls[purpose.replica];
}

Result<std::string> PermitOffice::UrlOf(const Purpose& purpose,
                                        const chat::ProviderCall& call) const {
  const auto url = FindUrl(purpose, call);
  if (!url) return Fail(url.error());
  return **url;
}

Result<Permit> PermitOffice::Issue(const Purpose& purpose, const chat::ProviderCall& call,
                                   MonotonicTime now) {
  const auto url = FindUrl(purpose, call);
  if (!url) return Fail(url.error());
  return Make(purpose, call, now, DigestOf(call.method, **url, call.path, call.headers, call.body));
}

Result<Permit> PermitOffice::Issue(const Purpose& purpose, const chat::ProviderCall& call,
                                   MonotonicTime now, std::string digest) {
  if (auto url = FindUrl(purpose, call); !url) return Fail(url.error());
  return Make(purpose, call, now, std::move(digest));
}

Permit PermitOffice::Make(const Purpose& purpose, const chat::ProviderCall& call, MonotonicTime now,
                          std::string digest) {
  wire::PermitSlip slip{.serial = next_serial_++,
                        .request_id = purpose.request_id,
                        .backend = purpose.backend,
                        .replica = purpose.replica,
                        .target = purpose.target,
                        .label = purpose.label,
                        .policy_hash = policy_hash_,
                        .digest = std::move(digest),
                        .body_bytes_max = call.body.size(),
                        .answer_bytes_max = chat::kProviderAnswerBytesMax,
                        .expires_ns = Nanoseconds(now + kPermitLife)};
  slip.mac = MacOf(slip, mac_key_);
  return Permit(std::move(slip));
}

PermitBook::PermitBook(std::vector<Destination> destinations, std::string policy_hash,
                       std::string mac_key)
    : destinations_(ByName(std::move(destinations))),
      policy_hash_(std::move(policy_hash)),
      mac_key_(std::move(mac_key)) {
  CHECK(mac_key_.size() == wire::kMacKeyBytes, "a MAC key has 32 bytes");
}

Result<std::string> PermitBook::Redeem(const wire::EgressCall& call, MonotonicTime now) {
  wire::PermitSlip slip = call.permit;
  const std::string mac = MacOf(slip, mac_key_);
  if (slip.mac.size() != mac.size() ||
      sodium_memcmp(slip.mac.data(), mac.data(), mac.size()) != 0) {
    return Refuse("permit_forged", "the permit was not made by this server's permit office");
  }
  if (slip.policy_hash != policy_hash_) {
    return Refuse("permit_policy", "the permit was made under another configuration");
  }
  if (slip.expires_ns <= Nanoseconds(now)) {
    return Refuse("permit_expired", "the permit has expired");
  }
  const auto found = destinations_.find(slip.backend);
  if (found == destinations_.end() || slip.replica >= found->second.urls.size()) {
    return Refuse("unknown_destination", "the permit names no backend of this configuration");
  }
  const Destination& destination = found->second;
  if (!chat::Permits(destination.ceiling, slip.label)) {
    return AboveCeiling(destination.backend, slip.label, destination.ceiling);
  }
  const std::string& url = destination.urls[slip.replica];
  if (call.body.size() > slip.body_bytes_max ||
      DigestOf(call.method, url, call.path, call.headers, call.body) != slip.digest) {
    return Refuse("permit_bytes", "the bytes are not those that were permitted");
  }
  if (!UseOnce(slip.serial)) return Refuse("permit_used", "the permit was used before");
  return url;
}

bool PermitBook::UseOnce(uint64_t serial) {
  if (serial + kSerialWindow <= newest_) return false;
  if (serial > newest_ + kSerialWindow) {
    used_.reset();
    newest_ = serial;
  }
  while (newest_ < serial) used_.reset(++newest_ % kSerialWindow);
  if (used_.test(serial % kSerialWindow)) return false;
  used_.set(serial % kSerialWindow);
  return true;
}

}  // namespace weir::privacy
