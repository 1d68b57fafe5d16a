// The protocol between the gateway and the egress process ("the door"), over the Unix stream socket
// that the launcher made for them. Frames as in frame.h.
//
//   gateway                          egress
//   Hello           ──────────────▶        protocol, the key of the permits' MAC
//                   ◀──────────────  Ready protocol, policy hash, what it holds
//   Call id         ──────────────▶        a permit and the exact bytes
//                   ◀──────────────  Head id, Body id*, End id | Failure id
//   Credit id n     ──────────────▶        n more bytes of Body may come (flow control)
//   Cancel id       ──────────────▶  nothing more for id but what is under way
//   (end of stream) ──────────────▶  egress ends, and every call with it
//
// Call ids are the gateway's, start at 1 and are never used again on a connection. A Failure may
// come at any time and ends its call; after Head it means that the answer broke off. For one call
// at most kEgressWindowBytes of Body are under way without Credit. Neither side believes the other:
// a frame over a bound, an unknown kind, a body that does not decode ends the conversation
// (docs/internals/egress-protocol.md).
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "chat/label.h"
#include "wire/archive.h"
#include "wire/engine.h"  // Failure, and how a Code lies on the wire

namespace weir::wire {

inline constexpr uint32_t kEgressProtocol = 1;
inline constexpr size_t kEgressCallsMax = 1024;             // open on one connection
inline constexpr size_t kEgressChunkBytesMax = 64u << 10;   // of one Body
inline constexpr uint32_t kEgressWindowBytes = 256u << 10;  // of Body without Credit, for one call
inline constexpr size_t kEgressHeadersMax = 64;             // of a call or a head
inline constexpr size_t kEgressHeaderBytesMax = 64u << 10;  // of all of them
inline constexpr size_t kEgressTextBytesMax = 4096;         // a path, a method, a name
inline constexpr size_t kEgressCallBytesMax = 34u << 20;    // of a Call frame
inline constexpr size_t kEgressAnswerFrameBytesMax = 1u << 20;  // of every frame from egress
inline constexpr uint32_t kEgressTimeoutMsMax = 24u * 3600 * 1000;
inline constexpr size_t kMacKeyBytes = 32;

enum class EgressFrame : uint16_t {
  kHello = 1,
  kCall = 2,
  kCredit = 3,
  kCancel = 4,

  kReady = 64,
  kHead = 65,
  kBody = 66,  // raw bytes, not an archive
  kEnd = 67,
  kFailure = 68,
};

template <>
inline constexpr int kEnumCount<chat::Label> = 5;

// What a permit says, as it travels. Made and sealed by privacy::PermitOffice alone.
struct PermitSlip {
  uint64_t serial = 0;          // used once
  std::string request_id = {};  // the decision that it serves
  std::string backend = {};
  uint32_t replica = 0;  // which of the backend's addresses
  std::string target = {};
  chat::Label label = chat::Label::kUnscanned;
  std::string policy_hash = {};   // 32 bytes
  std::string digest = {};        // SHA-256 of the exact bytes (privacy/permit.h)
  uint64_t body_bytes_max = 0;    // of the call
  uint64_t answer_bytes_max = 0;  // of the whole answer
  int64_t expires_ns = 0;         // on the machine's monotonic clock
  std::string mac = {};           // over all the others; 32 bytes
};

struct EgressHello {
  uint32_t protocol = kEgressProtocol;
  std::string mac_key = {};  // kMacKeyBytes
};

struct EgressBackend {
  std::string name = {};
  bool key_wanted = false;
  bool key_present = false;
};

struct EgressReady {
  uint32_t protocol = kEgressProtocol;
  std::string policy_hash = {};  // of the configuration that it has read
  std::vector<EgressBackend> backends = {};
  std::vector<std::string> sandbox = {};
};

struct EgressTimeouts {
  uint32_t connect_ms = 10'000;
  uint32_t first_byte_ms = 120'000;  // from the start to the head of the answer
  uint32_t gap_ms = 60'000;          // between two pieces of the answer
  uint32_t total_ms = 3'600'000;

  bool operator==(const EgressTimeouts&) const = default;
};

struct EgressCall {
  PermitSlip permit = {};
  std::string method = {};
  std::string path = {};  // behind the backend's url
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  EgressTimeouts timeouts = {};
};
// The same to be written, from where its parts lie: a body may have many MiB.
struct EgressCallParts {
  const PermitSlip& permit;
  const std::string& method;
  const std::string& path;
  const std::vector<std::pair<std::string, std::string>>& headers;
  const std::string& body;
  const EgressTimeouts& timeouts;
};

struct EgressCredit {
  uint32_t bytes = 0;
};

struct EgressHead {
  uint32_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
};

// How the call went, for metrics.
struct EgressEnd {
  uint64_t answer_bytes = 0;
  bool reused = false;  // of a connection
  double connect_ms = 0;
  double first_byte_ms = 0;
  double total_ms = 0;
};

template <class Archive>
void Visit(Archive& a, PermitSlip& v) {
  a(v.serial, v.request_id, v.backend, v.replica, v.target, v.label, v.policy_hash, v.digest,
    v.body_bytes_max, v.answer_bytes_max, v.expires_ns, v.mac);
}
template <class Archive>
void Visit(Archive& a, EgressHello& v) {
  a(v.protocol, v.mac_key);
}
template <class Archive>
void Visit(Archive& a, EgressBackend& v) {
  a(v.name, v.key_wanted, v.key_present);
}
template <class Archive>
void Visit(Archive& a, EgressReady& v) {
  a(v.protocol, v.policy_hash, v.backends, v.sandbox);
}
template <class Archive>
void Visit(Archive& a, EgressTimeouts& v) {
  a(v.connect_ms, v.first_byte_ms, v.gap_ms, v.total_ms);
}
template <class Archive, class Call>
  requires std::is_same_v<Call, EgressCall> || std::is_same_v<Call, EgressCallParts>
void Visit(Archive& a, Call& v) {
  a(v.permit, v.method, v.path, v.headers, v.body, v.timeouts);
}
template <class Archive>
void Visit(Archive& a, EgressCredit& v) {
  a(v.bytes);
}
template <class Archive>
void Visit(Archive& a, EgressHead& v) {
  a(v.status, v.headers);
}
template <class Archive>
void Visit(Archive& a, EgressEnd& v) {
  a(v.answer_bytes, v.reused, v.connect_ms, v.first_byte_ms, v.total_ms);
}

// Whether what was decoded keeps to the bounds above. The name of the bound that it broke, or
// empty.
std::string_view BrokenBound(const EgressHello& hello);
std::string_view BrokenBound(const EgressCall& call);
std::string_view BrokenBound(const EgressHead& head);

}  // namespace weir::wire
