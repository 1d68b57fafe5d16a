// A hostile gateway: arbitrary frames into the door. No crash, nothing is ever sent anywhere (no
// permit can be forged), and what the door answers keeps to the protocol.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "egress/conversation.h"

namespace {

using namespace weir;

// A backend that nobody could reach unnoticed: connecting to it would be the finding.
std::vector<egress::Place> Places() {
  return {{.destination = {"cloud", {"http://127.0.0.1:1/v1"}, chat::Label::kSecret},
           .key = "sk-fuzz"}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static http::Transfers transfers{{}};
  static const FakeClock clock;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  egress::Conversation door(Places(), privacy::PolicyHash("p"), {}, transfers, clock);
  const std::string hello = wire::Encode(wire::EgressHello{.mac_key = std::string(32, 'k')});
  if (size > 0 && (data[0] & 1) != 0) {
    CHECK(door.Feed(wire::EncodeFrame(1, 0, hello)).has_value(), "a good Hello is taken");
  }
  wire::FrameReader answers(wire::kEgressAnswerFrameBytesMax);
  // Frames of the fuzzer's own: kind, id, length, body.
  while (bytes.size() >= 3) {
    const auto kind = static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) % 8);
    const auto id = static_cast<uint64_t>(static_cast<uint8_t>(bytes[1]));
    const size_t length = std::min<size_t>(static_cast<uint8_t>(bytes[2]) * 4u, bytes.size() - 3);
    if (!door.Feed(wire::EncodeFrame(kind, id, bytes.substr(3, length)))) break;
    bytes.remove_prefix(3 + length);
    answers.Append(door.Outgoing());
    door.Wrote(door.Outgoing().size());
    for (auto next = answers.Next(); next.has_value() && next->has_value(); next = answers.Next()) {
      CHECK((*next)->body.find("sk-fuzz") == std::string::npos, "the key stays inside");
    }
  }
  CHECK(transfers.running() == 0, "nothing is sent without a permit");
  // Raw bytes too.
  egress::Conversation raw(Places(), "", {}, transfers, clock);
  (void)raw.Feed({reinterpret_cast<const char*>(data), size});
  CHECK(transfers.running() == 0, "nothing is sent without a permit");
  return 0;
}
