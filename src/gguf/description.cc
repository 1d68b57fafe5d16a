#include "gguf/description.h"

#include <utility>

#include "base/overloaded.h"
#include "base/utf8.h"
#include "gguf/parsed.h"

namespace weir::gguf {
namespace {

Shown ShownOf(const Value& value) {
  return std::visit(
      Overloaded{[](const std::string& text) { return IsValidUtf8(text) ? Shown(text) : Shown(); },
                 [](const LongString&) { return Shown(); }, [](const Array&) { return Shown(); },
                 [](auto scalar) { return Shown(scalar); }},
      value);
}

}  // namespace

Result<Description> DescribeDescriptor(int fd) {
  auto parsed = ParseDescriptor(fd);
  if (!parsed) return Fail(parsed.error());
  Description out = {.info = std::move(parsed->info)};
  for (const auto& [key, value] : parsed->metadata.pairs()) out.pairs[key] = ShownOf(value);
  return out;
}

}  // namespace weir::gguf
