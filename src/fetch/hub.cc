#include "fetch/hub.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "json/fields.h"
#include "json/parse.h"

namespace weir::fetch {
namespace {

constexpr size_t kTextMax = 1024;
constexpr int64_t kSizeMax = int64_t{1} << 50;
// What is taken when nobody says, the first that is there.
constexpr std::array<std::string_view, 8> kUsual = {"q4_k_m", "q4_k_s", "q4_0", "q5_k_m",
                                                    "q8_0",   "q4_1",   "bf16", "f16"};

std::string Folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

HubFile ReadFile(json::Fields file) {
  HubFile out;
  out.path = file.Require().String("rfilename", kTextMax).value_or("");
  out.size = static_cast<uint64_t>(file.Int("size", 0, kSizeMax).value_or(0));
  if (auto lfs = file.Nested("lfs")) {
    out.sha256 = lfs->String("sha256", kTextMax).value_or("");
    if (!models::IsSha256(out.sha256)) out.sha256.clear();
  }
  return out;
}

bool IsProjector(const HubFile& file) {
  const std::string name = Folded(file.path);
  return IsRepositoryPath(file.path) && name.ends_with(".gguf") && name.contains("mmproj");
}

bool IsModel(const HubFile& file) {
  const std::string name = Folded(file.path);
  return IsRepositoryPath(file.path) && name.ends_with(".gguf") && !name.contains("mmproj") &&
         !name.contains("imatrix");
}

// Of several that differ in their weights, the one that loses nothing and is not twice as large for
// it. One without a sha256 is not taken: it could not be held against what was promised.
std::optional<HubFile> ChosenProjector(std::vector<HubFile> files) {
  std::erase_if(files, [](const HubFile& file) { return file.sha256.empty() || file.size == 0; });
  for (const std::string_view usual : {"f16", "bf16", "q8_0"}) {
    for (HubFile& file : files) {
      if (Folded(models::QuantisationIn(file.path)) == usual) return std::move(file);
    }
  }
  return files.empty() ? std::nullopt : std::optional(std::move(files.front()));
}

// "-00002-of-00003.gguf": 2 of 3.
struct PartNumber {
  unsigned number = 1;
  unsigned count = 1;
};
PartNumber PartOf(std::string_view path) {
  constexpr size_t kTail = std::string_view("-00001-of-00003.gguf").size();
  if (path.size() <= kTail) return {};
  const std::string_view tail = path.substr(path.size() - kTail);
  const auto digits = [&](size_t at) -> unsigned {
    unsigned value = 0;
    for (const char c : tail.substr(at, 5)) {
      if (c < '0' || c > '9') return 0;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || digits(1) == 0 || digits(10) == 0) return {};
  return {digits(1), digits(10)};
}

std::string WithoutPart(const std::string& path) {
  constexpr size_t kTail = std::string_view("-00001-of-00003.gguf").size();
  return PartOf(path).count == 1 ? path : path.substr(0, path.size() - kTail);
}

std::string LicenceOf(json::Fields& fields) {
  if (auto card = fields.Nested("cardData")) {
    const json::Value* licence = card->Take("license");
    if (licence != nullptr && licence->AsString() != nullptr)
      return licence->AsString()->substr(0, kTextMax);
  }
  return "";
}

using Groups = std::map<std::string, std::vector<HubFile>>;

std::string Offer(const Groups& groups) {
  std::string text;
  size_t count = 0;
  for (const auto& [name, files] : groups) {
    const std::string quantisation = models::QuantisationIn(files.front().path);
    if (++count > 12) return text + ", ...";
    text += (text.empty() ? "" : ", ") + (quantisation.empty() ? files.front().path : quantisation);
  }
  return text;
}

std::unexpected<Error> Missing(std::string message) {
  return Fail(Code::kNotFound, std::move(message), "model", "model_not_found");
}

const Groups::value_type* Usual(const Groups& groups) {
  if (groups.size() == 1) return &*groups.begin();
  for (const std::string_view usual : kUsual) {
    for (const auto& group : groups) {
      if (Folded(models::QuantisationIn(group.second.front().path)) == usual) return &group;
    }
  }
  return nullptr;
}

Result<const Groups::value_type*> Chosen(const Groups& groups, std::string_view choice) {
  if (groups.empty()) return Missing("the repository holds no GGUF file; look for one that does");
  if (choice.empty()) {
    if (const auto* usual = Usual(groups)) return usual;
    return Missing(fmt::format("the repository holds several models: {}; add one behind a colon",
                               Offer(groups)));
  }
  const std::string wanted = Folded(choice);
  for (const auto& group : groups) {
    const bool named = std::ranges::any_of(
        group.second, [&](const HubFile& file) { return Folded(file.path) == wanted; });
    if (named || Folded(models::QuantisationIn(group.second.front().path)) == wanted) return &group;
  }
  return Missing(
      fmt::format("the repository has no {}; it has {}", choice.substr(0, 64), Offer(groups)));
}

Result<void> CheckParts(std::vector<HubFile>& files) {
  std::ranges::sort(files, {}, [](const HubFile& file) { return PartOf(file.path).number; });
  const unsigned count = PartOf(files.front().path).count;
  bool whole = files.size() == count && count <= kHubPartsMax;
  for (size_t i = 0; whole && i < files.size(); ++i) {
    whole = PartOf(files[i].path).number == i + 1 && PartOf(files[i].path).count == count;
  }
  if (whole) return {};
  return Fail(Code::kUnprocessable,
              fmt::format("the repository has {} of the {} parts of this model; choose another",
                          files.size(), count),
              "model", "parts_missing");
}

}  // namespace

Result<HubChoice> ChooseFiles(std::string_view answer, std::string_view choice) {
  auto document =
      json::Parse(answer, {.depth = 32, .bytes = kHubAnswerBytesMax, .values = 20 * kHubFilesMax});
  if (!document)
    return Fail(Code::kBackendFailed, "the hub's answer is no JSON; check HF_ENDPOINT", {},
                "hub_failed");
  json::Problem problem;
  json::Fields fields(problem, *document);
  HubChoice out;
  out.revision = fields.Require().String("sha", kTextMax).value_or("");
  out.licence = LicenceOf(fields);
  Groups groups;
  std::vector<HubFile> projectors;
  if (const json::Array* files = fields.Require().List("siblings", kHubFilesMax)) {
    for (const json::Value& each : *files) {
      HubFile file = ReadFile(json::Fields(problem, each, "siblings"));
      if (!problem && IsProjector(file)) projectors.push_back(file);
      if (!problem && IsModel(file)) groups[WithoutPart(file.path)].push_back(std::move(file));
    }
  }
  if (!problem && !IsRepositoryPath(out.revision)) fields.Refuse("sha", "is no commit");
  if (problem)
    return Fail(Code::kBackendFailed,
                fmt::format("the hub's answer cannot be read ({}); choose another model",
                            problem.error().message),
                {}, "hub_failed");
  const auto chosen = Chosen(groups, choice);
  if (!chosen) return Fail(chosen.error());
  out.files = (*chosen)->second;
  out.projector = ChosenProjector(std::move(projectors));
  out.quantisation = models::QuantisationIn(out.files.front().path);
  if (auto checked = CheckParts(out.files); !checked) return Fail(checked.error());
  return out;
}

Result<HubChoice> AskHub(http::Downloads& downloads, const std::string& hub,
                         const std::string& token, const FromHub& from) {
  const auto answer = downloads.Get(
      {.url = fmt::format("{}/api/models/{}/revision/main?blobs=true", hub, from.repository),
       .token = token},
      kHubAnswerBytesMax);
  if (!answer) return Fail(answer.error());
  if (answer->head.status != 200) return Fail(http::StatusError("the hub", answer->head));
  return ChooseFiles(answer->body, from.choice);
}

std::string HubFileUrl(const std::string& hub, std::string_view repository,
                       std::string_view revision, std::string_view path) {
  return fmt::format("{}/{}/resolve/{}/{}", hub, repository, revision, path);
}

}  // namespace weir::fetch
