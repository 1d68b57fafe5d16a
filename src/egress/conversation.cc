#include "egress/conversation.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/check.h"

namespace weir::egress {
namespace {

// What a call may not say by itself: where it goes, with which key, and how it is framed.
constexpr std::string_view kReserved[] = {
    "authorization", "x-api-key",      "x-goog-api-key",    "api-key",  "cookie",
    "host",          "content-length", "transfer-encoding", "te",       "connection",
    "upgrade",       "expect",         "trailer",           "forwarded"};

bool IsReserved(std::string_view name) {
  return std::ranges::find(kReserved, name) != std::end(kReserved) || name.starts_with("proxy-") ||
         name.starts_with("x-forwarded-");
}

bool IsLowerToken(std::string_view name) {
  return http::IsToken(name) &&
         std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsPath(std::string_view path) {
  return path.starts_with('/') && std::ranges::all_of(path, [](char c) {
           return c > 0x20 && c < 0x7f && c != '#' && c != '\\';
         });
}

Result<void> CheckForm(const wire::EgressCall& call) {
  const auto refuse = [](std::string message) {
    return Fail(Code::kInvalidArgument, std::move(message), "", "call_malformed");
  };
  if (call.method != "POST" && call.method != "GET") return refuse("the method is POST or GET");
  if (!IsPath(call.path)) return refuse("the path is no path");
  for (const auto& [name, value] : call.headers) {
    if (!IsLowerToken(name) || !http::IsFieldValue(value)) return refuse("a header is no header");
    if (IsReserved(name)) return refuse(fmt::format("the header {} is the door's own", name));
  }
  return {};
}

Duration Ms(uint32_t ms) { return std::chrono::milliseconds(ms); }

std::string KeyHeader(const Place& place) {
  return place.credential == chat::CredentialStyle::kBearer ? "Bearer " + place.key : place.key;
}

// As it stands there, brackets included. The url is one that config::ParseUrl took.
std::string_view HostOf(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  const std::string_view authority = url.substr(0, url.find('/'));
  return authority.substr(
      0, authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':'));
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(Code::kBackendFailed, fmt::format("the gateway broke the egress protocol: {}", what));
}

}  // namespace

class Conversation::Call final : public http::TransferSink {
 public:
  Call(Conversation& conversation, uint64_t id) : conversation_(conversation), id_(id) {}

  void OnHead(int status, const http::Headers& headers) override {
    wire::EgressHead head{.status = static_cast<uint32_t>(status)};
    for (size_t i = 0; i < std::min(headers.size(), wire::kEgressHeadersMax); ++i) {
      // A header with control characters would be the gateway's to trip over.
      if (!http::IsToken(headers.name(i)) || !http::IsFieldValue(headers.value(i))) continue;
      head.headers.emplace_back(LowerCase(headers.name(i)), headers.value(i));
    }
    conversation_.Send(wire::EgressFrame::kHead, id_, wire::Encode(head));
  }

  bool OnBody(std::string_view bytes) override {
    if (bytes.size() > window_ || conversation_.IsFull()) {
      paused_ = true;
      return false;
    }
    window_ -= static_cast<uint32_t>(bytes.size());
    while (!bytes.empty()) {
      const std::string_view chunk = bytes.substr(0, wire::kEgressChunkBytesMax);
      conversation_.Send(wire::EgressFrame::kBody, id_, chunk);
      bytes.remove_prefix(chunk.size());
    }
    return true;
  }

  void OnEnd(const http::TransferEnd& end) override {
    conversation_.Send(wire::EgressFrame::kEnd, id_,
                       wire::Encode(wire::EgressEnd{end.answer_bytes, end.reused, end.connect_ms,
                                                    end.first_byte_ms, end.total_ms}));
    conversation_.calls_.erase(id_);  // `this` ends here
  }

  void OnFailure(Error error) override {
    conversation_.Fail(id_, error);
    conversation_.calls_.erase(id_);  // `this` ends here
  }

  void Credit(uint32_t bytes) {
    // More than a window was never owed.
    window_ = std::min<uint64_t>(uint64_t{window_} + bytes, wire::kEgressWindowBytes);
  }
  bool paused() const { return paused_; }
  void Resumed() { paused_ = false; }

  uint64_t transfer = 0;

 private:
  Conversation& conversation_;
  uint64_t id_;
  uint32_t window_ = wire::kEgressWindowBytes;
  bool paused_ = false;
};

Conversation::Conversation(std::vector<Place> places, std::string policy_hash,
                           std::vector<std::string> sandbox, http::Transfers& transfers,
                           const Clock& clock)
    : policy_hash_(std::move(policy_hash)),
      sandbox_(std::move(sandbox)),
      transfers_(transfers),
      clock_(clock),
      frames_(wire::kEgressCallBytesMax) {
  for (Place& place : places) {
    std::string name = place.destination.backend;
    places_.emplace(std::move(name), std::move(place));
  }
}

Conversation::~Conversation() {
  for (const auto& [id, call] : calls_) transfers_.Cancel(call->transfer);
}

Result<void> Conversation::Feed(std::string_view bytes) {
  frames_.Append(bytes);
  for (;;) {
    auto frame = frames_.Next();
    if (!frame) return Broken("a frame over the bound");
    if (!*frame) return {};
    if (auto taken = Take(**frame); !taken) return taken;
  }
}

Result<void> Conversation::Take(const wire::Frame& frame) {
  const auto kind = static_cast<wire::EgressFrame>(frame.kind);
  if (kind == wire::EgressFrame::kHello) return TakeHello(frame.body);
  if (!book_) return Broken("Hello comes first");
  switch (kind) {
    case wire::EgressFrame::kCall:
      return TakeCall(frame.request, frame.body);
    case wire::EgressFrame::kCredit:
      return TakeCredit(frame.request, frame.body);
    case wire::EgressFrame::kCancel: {
      const auto found = calls_.find(frame.request);
      if (found == calls_.end()) return {};  // it ended meanwhile
      transfers_.Cancel(found->second->transfer);
      calls_.erase(found);
      return {};
    }
    default:
      return Broken("a frame of an unknown kind");
  }
}

Result<void> Conversation::TakeHello(std::string_view body) {
  const auto hello = wire::Decode<wire::EgressHello>(body);
  if (!hello || book_) return Broken("a Hello that cannot be");
  if (hello->protocol != wire::kEgressProtocol) return Broken("another version of the protocol");
  if (const auto bound = wire::BrokenBound(*hello); !bound.empty()) return Broken(bound);
  std::vector<privacy::Destination> destinations;
  wire::EgressReady ready{.policy_hash = policy_hash_, .sandbox = sandbox_};
  for (const auto& [name, place] : places_) {
    destinations.push_back(place.destination);
    ready.backends.push_back({name, place.key_wanted, !place.key.empty()});
  }
  book_.emplace(std::move(destinations), policy_hash_, hello->mac_key);
  Send(wire::EgressFrame::kReady, 0, wire::Encode(ready));
  return {};
}

Result<void> Conversation::TakeCall(uint64_t id, std::string_view body) {
  auto call = wire::Decode<wire::EgressCall>(body);
  if (!call) return Broken("a Call that cannot be read");
  if (const auto bound = wire::BrokenBound(*call); !bound.empty()) return Broken(bound);
  if (id <= last_id_) return Broken("the id of a call was used before");
  last_id_ = id;
  if (calls_.size() >= wire::kEgressCallsMax) {
    Fail(id, {Code::kUnavailable,
              fmt::format("{} calls are under way, the most there may be", wire::kEgressCallsMax),
              "", "queue_full", /*retry_after_s=*/1});
    return {};
  }
  auto spec = Permitted(std::move(*call));
  if (!spec) {
    Fail(id, spec.error());
    return {};
  }
  Call& made = *calls_.emplace(id, std::make_unique<Call>(*this, id)).first->second;
  made.transfer = transfers_.Start(std::move(*spec), made);
  return {};
}

Result<http::TransferSpec> Conversation::Permitted(wire::EgressCall call) {
  if (auto form = CheckForm(call); !form) return weir::Fail(form.error());
  auto url = book_->Redeem(call, clock_.Now());
  if (!url) return weir::Fail(url.error());
  const Place& place = places_.at(call.permit.backend);
  // Nothing goes into the open without TLS: neither the text nor the key.
  const bool in_clear = url->starts_with("http://") && place.proxy.empty();
  const bool public_allowed = place.public_allowed && !in_clear;
  // Where a proxy connects, its own address is all that is judged later.
  const std::string_view host = HostOf(*url);
  const auto literal = KindOfLiteral(host);
  if ((literal && !MayConnect(*literal, public_allowed)) || IsMetadataName(host)) {
    return weir::Fail(Code::kUnavailable, "its url has an address that its tier may not have", "",
                      "address_refused");
  }
  if (place.key_wanted && place.key.empty()) {
    return weir::Fail(Code::kUnavailable,
                      fmt::format("backend '{}' has no key; see weir doctor", call.permit.backend),
                      "", "key_missing_at_backend");
  }
  http::TransferSpec spec{.method = std::move(call.method),
                          .url = *url + call.path,
                          .body = std::move(call.body),
                          .ca_file = place.ca_file,
                          .proxy = place.proxy,
                          .connect_timeout = Ms(call.timeouts.connect_ms),
                          .first_byte_timeout = Ms(call.timeouts.first_byte_ms),
                          .gap_timeout = Ms(call.timeouts.gap_ms),
                          .total_timeout = Ms(call.timeouts.total_ms),
                          .answer_bytes_max = call.permit.answer_bytes_max};
  for (const auto& [name, value] : call.headers) spec.headers.Add(name, value);
  if (!place.key.empty()) {
    spec.headers.Add(chat::CredentialHeader(place.credential), KeyHeader(place));
  }
  spec.may_connect = [allowed = public_allowed](const sockaddr& address) {
    return MayConnect(KindOf(address), allowed);
  };
  return spec;
}

Result<void> Conversation::TakeCredit(uint64_t id, std::string_view body) {
  const auto credit = wire::Decode<wire::EgressCredit>(body);
  if (!credit) return Broken("a Credit that cannot be read");
  const auto found = calls_.find(id);
  if (found == calls_.end()) return {};  // it ended meanwhile
  Call& call = *found->second;
  call.Credit(credit->bytes);
  if (call.paused() && !IsFull()) {
    call.Resumed();
    transfers_.Resume(call.transfer);
  }
  return {};
}

void Conversation::Send(wire::EgressFrame kind, uint64_t id, std::string_view body) {
  CHECK(body.size() <= wire::kEgressAnswerFrameBytesMax, "over kEgressAnswerFrameBytesMax");
  outgoing_ += wire::EncodeFrame(static_cast<uint16_t>(kind), id, body);
}

void Conversation::Fail(uint64_t id, const Error& error) {
  Send(wire::EgressFrame::kFailure, id, wire::Encode(wire::FailureOf(error)));
}

std::string_view Conversation::Outgoing() const {
  return std::string_view(outgoing_).substr(sent_);
}

void Conversation::Wrote(size_t bytes) {
  const bool was_full = IsFull();
  sent_ += bytes;
  if (sent_ * 2 >= outgoing_.size()) {
    outgoing_.erase(0, sent_);
    sent_ = 0;
  }
  if (!was_full || IsFull()) return;
  for (const auto& [id, call] : calls_) {
    if (!call->paused()) continue;
    call->Resumed();
    transfers_.Resume(call->transfer);
    if (IsFull()) return;
  }
}

}  // namespace weir::egress
