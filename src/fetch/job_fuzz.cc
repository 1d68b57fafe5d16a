// What a fetch process might print, and what it might be told: no crash, and whatever was accepted
// prints and parses back to the same text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fetch/job.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::fetch;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto job = ParseJob(text)) {
    const std::string printed = PrintJob(*job);
    const auto again = ParseJob(printed);
    CHECK(again.has_value() && PrintJob(*again) == printed, "a job survives printing");
  }
  if (const auto event = ParseEvent(text)) {
    const std::string printed = PrintEvent(*event);
    const auto again = ParseEvent(printed);
    CHECK(again.has_value() && PrintEvent(*again) == printed, "an event survives printing");
  }
  return 0;
}
