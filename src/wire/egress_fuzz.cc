// Arbitrary bytes through every body of the egress protocol: no crash, what decodes encodes to the
// same bytes again, and bounds hold whatever the bytes say.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/egress.h"

namespace {

template <class T>
void RoundTrip(std::string_view bytes) {
  using namespace weir;
  if (const auto value = wire::Decode<T>(bytes)) {
    CHECK(wire::Encode(*value) == bytes, "there is one way to write a value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RoundTrip<wire::EgressHello>(bytes);
  RoundTrip<wire::EgressReady>(bytes);
  RoundTrip<wire::EgressCall>(bytes);
  RoundTrip<wire::EgressCredit>(bytes);
  RoundTrip<wire::EgressHead>(bytes);
  RoundTrip<wire::EgressEnd>(bytes);
  RoundTrip<wire::Failure>(bytes);
  if (const auto call = wire::Decode<wire::EgressCall>(bytes)) (void)wire::BrokenBound(*call);
  if (const auto head = wire::Decode<wire::EgressHead>(bytes)) (void)wire::BrokenBound(*head);
  if (const auto hello = wire::Decode<wire::EgressHello>(bytes)) (void)wire::BrokenBound(*hello);
  return 0;
}
