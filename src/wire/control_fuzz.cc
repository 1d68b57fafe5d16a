// Arbitrary bytes as control messages: no crash, and what decodes encodes to the same bytes again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/control.h"

namespace {

template <class Message>
void RoundTrip(std::string_view bytes) {
  const auto message = weir::wire::Decode<Message>(bytes);
  if (message) CHECK(weir::wire::Encode(*message) == bytes, "one form for each message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RoundTrip<weir::wire::ToLauncher>(bytes);
  RoundTrip<weir::wire::ToGateway>(bytes);
  return 0;
}
