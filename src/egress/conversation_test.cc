#include "egress/conversation.h"

#include <gtest/gtest.h>

#include "http/scripted_server.h"

namespace weir::egress {
namespace {

using http::ScriptedServer;
using wire::EgressFrame;

constexpr Duration kPatience = std::chrono::seconds(20);
const std::string kPolicy = privacy::PolicyHash("p");
const std::string kMacKey(32, 'm');

std::vector<Place> Places(const std::string& url) {
  return {
      {.destination = {"cloud", {url + "/v1"}, chat::Label::kInternal},
       .key_wanted = true,
       .key = "sk-canary"},
      {.destination = {"metadata", {"https://2852039166/v1"}, chat::Label::kInternal},
       .public_allowed = true,
       .proxy = url},
      {.destination = {"named", {"https://metadata.google.internal/v1"}, chat::Label::kInternal},
       .public_allowed = true,
       .proxy = url},
      {.destination = {"open", {"http://8.8.8.8:9/v1"}, chat::Label::kInternal},
       .public_allowed = true}};
}
std::vector<privacy::Destination> Destinations(const std::vector<Place>& places) {
  std::vector<privacy::Destination> destinations;
  for (const Place& place : places) destinations.push_back(place.destination);
  return destinations;
}

// The gateway's side, by hand.
class ConversationTest : public testing::Test {
 protected:
  ConversationTest() { Say(EgressFrame::kHello, 0, wire::Encode(wire::EgressHello{1, kMacKey})); }

  Result<void> Say(EgressFrame kind, uint64_t id, std::string_view body) {
    return door_.Feed(wire::EncodeFrame(static_cast<uint16_t>(kind), id, body));
  }
  wire::EgressCall Call(chat::ProviderCall call = {.path = "/chat", .body = "{}"},
                        const std::string& backend = "cloud") {
    auto permit =
        office_.Issue({"req", "t", backend, 0, chat::Label::kPublic}, call, SystemClock().Now());
    EXPECT_TRUE(permit);
    return {.permit = std::move(*permit).Spend(),
            .method = call.method,
            .path = call.path,
            .headers = call.headers,
            .body = call.body};
  }
  void Take() {
    const std::string bytes(door_.Outgoing());
    door_.Wrote(bytes.size());
    reader_.Append(bytes);
    for (auto next = reader_.Next(); next && *next; next = reader_.Next()) {
      frames_.push_back(std::move(**next));
    }
  }
  void RunUntil(const std::function<bool()>& holds) {
    const MonotonicTime give_up = SystemClock().Now() + kPatience;
    Take();
    while (!holds() && SystemClock().Now() < give_up) {
      transfers_.Wait(std::chrono::milliseconds(20));
      Take();
    }
    ASSERT_TRUE(holds());
  }
  const wire::Frame* Find(EgressFrame kind, uint64_t id = 1) const {
    for (const auto& frame : frames_) {
      if (frame.kind == static_cast<uint16_t>(kind) && frame.request == id) return &frame;
    }
    return nullptr;
  }
  bool Over(uint64_t id = 1) const {
    return Find(EgressFrame::kEnd, id) || Find(EgressFrame::kFailure, id);
  }
  std::string Reason(const wire::EgressCall& call, uint64_t id = 1) {
    EXPECT_TRUE(Say(EgressFrame::kCall, id, wire::Encode(call)));
    RunUntil([&] { return Over(id); });
    const wire::Frame* failure = Find(EgressFrame::kFailure, id);
    return failure ? wire::Decode<wire::Failure>(failure->body)->reason : "";
  }
  size_t BodyBytes() const {
    size_t bytes = 0;
    for (const auto& frame : frames_) {
      if (frame.kind == static_cast<uint16_t>(EgressFrame::kBody)) bytes += frame.body.size();
    }
    return bytes;
  }

  ScriptedServer server_;
  http::Transfers transfers_{{}};
  privacy::PermitOffice office_{Destinations(Places(server_.url())), kPolicy, kMacKey};
  Conversation door_{Places(server_.url()), kPolicy, {"seccomp full"}, transfers_, SystemClock()};
  wire::FrameReader reader_;
  std::vector<wire::Frame> frames_ = {};
};

TEST_F(ConversationTest, SaysWhatItHoldsButNotTheKeys) {
  Take();
  const auto* ready = Find(EgressFrame::kReady, 0);
  ASSERT_NE(ready, nullptr);
  const auto said = wire::Decode<wire::EgressReady>(ready->body);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->policy_hash, kPolicy);
  EXPECT_TRUE(said->backends.at(0).key_present);
  EXPECT_EQ(ready->body.find("canary"), std::string::npos);
}

TEST_F(ConversationTest, CarriesAPermittedCallAndAddsTheKeyItself) {
  server_.Play({.pieces = {ScriptedServer::Answer("answer")}});
  EXPECT_EQ(Reason(Call()), "");
  const auto head = wire::Decode<wire::EgressHead>(Find(EgressFrame::kHead)->body);
  EXPECT_EQ(head->status, 200u);
  EXPECT_EQ(Find(EgressFrame::kBody)->body, "answer");
  EXPECT_NE(server_.requests()[0].find("POST /v1/chat HTTP/1.1"), std::string::npos);
  EXPECT_NE(server_.requests()[0].find("authorization: Bearer sk-canary"), std::string::npos);
}

TEST_F(ConversationTest, SendsNothingWithoutAPermitForTheseBytes) {
  wire::EgressCall changed = Call();
  changed.body = "{ }";
  EXPECT_EQ(Reason(changed, 1), "permit_bytes");
  wire::EgressCall forged = Call();
  forged.permit.label = chat::Label::kSecret;
  EXPECT_EQ(Reason(forged, 2), "permit_forged");
  server_.Play({.pieces = {ScriptedServer::Answer("once")}});
  const wire::EgressCall once = Call();
  EXPECT_EQ(Reason(once, 3), "");
  EXPECT_EQ(Reason(once, 4), "permit_used");
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(ConversationTest, ACallNamesNeitherHostNorKeyNorFraming) {
  uint64_t id = 0;
  for (const char* name : {"authorization", "host", "x-api-key", "content-length", "connection",
                           "transfer-encoding", "proxy-authorization", "cookie", "Accept"}) {
    EXPECT_EQ(Reason(Call({.path = "/x", .headers = {{name, "v"}}}), ++id), "call_malformed");
  }
  EXPECT_EQ(Reason(Call({.path = "@evil.example/x"}), ++id), "call_malformed");
  EXPECT_EQ(Reason(Call({.path = "/x y"}), ++id), "call_malformed");
  EXPECT_EQ(Reason(Call({.path = "/x", .headers = {{"a", "b\r\nhost: c"}}}), ++id),
            "call_malformed");
  EXPECT_EQ(Reason(Call({.method = "CONNECT", .path = "/x"}), ++id), "call_malformed");
  EXPECT_EQ(server_.requests().size(), 0u);
}

TEST_F(ConversationTest, NothingGoesToAPublicAddressWithoutTls) {
  EXPECT_EQ(Reason(Call({.path = "/x"}, "open")), "address_refused");
}

TEST_F(ConversationTest, NoProxyIsAskedForMetadata) {
  EXPECT_EQ(Reason(Call({.path = "/x"}, "metadata")), "address_refused");
  EXPECT_EQ(Reason(Call({.path = "/x"}, "named"), 2), "address_refused");
  EXPECT_EQ(server_.requests().size(), 0u);
}

TEST_F(ConversationTest, AnAnswerThatNobodyTakesWaits) {
  const std::string text(2'000'000, 'x');
  server_.Play({.pieces = {ScriptedServer::Answer(text)}});
  ASSERT_TRUE(Say(EgressFrame::kCall, 1, wire::Encode(Call())));
  RunUntil([&] { return BodyBytes() > wire::kEgressWindowBytes / 2; });
  for (int i = 0; i < 20; ++i) {
    transfers_.Wait(std::chrono::milliseconds(2));
    Take();
  }
  EXPECT_LE(BodyBytes(), wire::kEgressWindowBytes);
  size_t credited = 0;
  while (!Over()) {
    const auto more = static_cast<uint32_t>(BodyBytes() - credited);
    credited += more;
    ASSERT_TRUE(Say(EgressFrame::kCredit, 1, wire::Encode(wire::EgressCredit{more})));
    transfers_.Wait(std::chrono::milliseconds(20));
    Take();
  }
  EXPECT_EQ(BodyBytes(), text.size());
}

TEST_F(ConversationTest, ACancelledCallEndsAtTheProvider) {
  server_.Play({.pieces = {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"}, .hang = true});
  ASSERT_TRUE(Say(EgressFrame::kCall, 1, wire::Encode(Call())));
  RunUntil([&] { return BodyBytes() == 3; });
  ASSERT_TRUE(Say(EgressFrame::kCancel, 1, ""));
  EXPECT_EQ(door_.calls(), 0u);
  EXPECT_EQ(transfers_.running(), 0u);
  EXPECT_TRUE(Say(EgressFrame::kCancel, 1, ""));
  EXPECT_TRUE(Say(EgressFrame::kCredit, 1, wire::Encode(wire::EgressCredit{1})));
}

TEST_F(ConversationTest, AGatewayThatBreaksTheProtocolIsLeft) {
  EXPECT_FALSE(Say(EgressFrame::kHello, 0, wire::Encode(wire::EgressHello{1, kMacKey})));
  EXPECT_FALSE(Say(EgressFrame::kCall, 9, "nonsense"));
  EXPECT_FALSE(Say(EgressFrame::kHead, 9, ""));
  wire::EgressCall long_path = Call();
  long_path.path.assign(wire::kEgressTextBytesMax + 1, '/');
  EXPECT_FALSE(Say(EgressFrame::kCall, 9, wire::Encode(long_path)));
}

TEST(Conversation, BeginsWithHello) {
  http::Transfers transfers{{}};
  Conversation door({}, kPolicy, {}, transfers, SystemClock());
  EXPECT_FALSE(door.Feed(wire::EncodeFrame(static_cast<uint16_t>(EgressFrame::kCall), 1, "")));
}

}  // namespace
}  // namespace weir::egress
