#include "wire/egress.h"

#include <gtest/gtest.h>

namespace weir::wire {
namespace {

EgressCall Call() {
  return {.permit = {.serial = 1, .backend = "cloud", .label = chat::Label::kInternal},
          .method = "POST",
          .path = "/x",
          .headers = {{"a", "b"}},
          .body = "{}"};
}

TEST(EgressProtocol, ACallComesBackAsItWasAndNoCutIsTaken) {
  const std::string bytes = Encode(Call());
  const auto again = Decode<EgressCall>(bytes);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(Encode(*again), bytes);
  EXPECT_EQ(again->permit.label, chat::Label::kInternal);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(Decode<EgressCall>(std::string_view(bytes).substr(0, length)));
  }
}

TEST(EgressProtocol, ACallIsWrittenFromItsPartsAsAWholeOneIs) {
  const EgressCall call = Call();
  EXPECT_EQ(Encode(EgressCallParts{.permit = call.permit,
                                   .method = call.method,
                                   .path = call.path,
                                   .headers = call.headers,
                                   .body = call.body,
                                   .timeouts = call.timeouts}),
            Encode(call));
}

TEST(EgressProtocol, BoundsAreNamed) {
  EXPECT_EQ(BrokenBound(Call()), "");
  EgressCall call = Call();
  call.path.assign(kEgressTextBytesMax + 1, 'x');
  EXPECT_EQ(BrokenBound(call), "kEgressTextBytesMax");
  call = Call();
  call.headers.resize(kEgressHeadersMax + 1);
  EXPECT_EQ(BrokenBound(call), "kEgressHeadersMax");
  call = Call();
  call.headers[0].second.assign(kEgressHeaderBytesMax, 'x');
  EXPECT_EQ(BrokenBound(call), "kEgressHeaderBytesMax");
  call = Call();
  call.timeouts.gap_ms = 0;
  EXPECT_EQ(BrokenBound(call), "kEgressTimeoutMsMax");
  EXPECT_EQ(BrokenBound(EgressHello{.mac_key = "short"}), "kMacKeyBytes");
  EXPECT_EQ(BrokenBound(EgressHead{.status = 7}), "status");
}

}  // namespace
}  // namespace weir::wire
