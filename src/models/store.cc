#include "models/store.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "json/fields.h"
#include "models/folder.h"

namespace weir::models {
namespace {

constexpr size_t kNearMax = 3;
constexpr std::string_view kManifestSuffix = ".json";

// The manifest in an open folder of a model; `where` is how the caller names it. kNotFound without
// that file.
Result<Manifest> ReadManifestAt(int folder, const Name& name) {
  const Fd fd = OpenBelow(folder, (name.tag + std::string(kManifestSuffix)).c_str(), 0);
  if (!fd.valid() && errno == ENOENT) return Fail(Code::kNotFound, "there is no such model");
  auto text = ReadSmallFile(fd, kManifestBytesMax);
  auto manifest = text ? ParseManifest(*text) : Fail(text.error());
  if (manifest && manifest->name == name) return manifest;
  const std::string why = manifest ? "it names another model" : manifest.error().message;
  return Fail(Code::kUnavailable,
              fmt::format("the manifest of {} is damaged ({}); fetch the model again",
                          name.ToString(), why),
              "model", "model_damaged");
}

void ListModel(int manifests, const std::string& folder_name, Listing& out) {
  Folder folder(OpenFolder(manifests, folder_name.c_str()));
  if (!folder.valid()) return;
  const std::string model = ModelInFolder(folder_name);
  for (const std::string& file : folder.Names(kModelsMax)) {
    if (!file.ends_with(kManifestSuffix) || out.models.size() >= kModelsMax) continue;
    const std::string text = model + ":" + file.substr(0, file.size() - kManifestSuffix.size());
    const auto name = ParseName(text);
    if (!name || name->ToString() != text) {
      out.problems.push_back("a manifest has a name that no model can have");
      continue;
    }
    auto manifest = ReadManifestAt(folder.descriptor(), *name);
    if (manifest) {
      out.models.push_back(std::move(*manifest));
    } else {
      out.problems.push_back(manifest.error().message);
    }
  }
}

std::string BlobFile(std::string_view sha256) { return fmt::format("sha256-{}", sha256); }

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Up to kNearMax known names that the user may have meant, the nearest first.
std::vector<std::string> NearNames(std::string_view name, std::vector<std::string_view> known) {
  std::vector<std::string> near;
  while (near.size() < kNearMax) {
    const std::string_view next = json::Nearest(name, known);
    if (next.empty()) break;
    near.emplace_back(next);
    std::erase(known, next);
  }
  return near;
}

Error Unknown(std::string message) {
  return Error{Code::kNotFound, std::move(message), "model", "model_not_found", 0};
}

Error Ambiguous(std::string_view name, const std::vector<std::string>& fitting) {
  const std::vector<std::string> some(
      fitting.begin(),
      fitting.begin() + static_cast<ptrdiff_t>(std::min(fitting.size(), size_t{8})));
  return Unknown(fmt::format("{} may be {} models: {}; write the whole name", name, fitting.size(),
                             Joined(some)));
}

std::string_view WhatIs(const Manifest& manifest, const StoredFile& file) {
  if (file.sha256 == manifest.sha256) return "the file";
  return manifest.projector == file ? "the projector" : "an adapter";
}

}  // namespace

Store::Store(std::string root, const Catalogue& catalogue)
    : root_(std::move(root)), catalogue_(&catalogue) {}

Store::Store(std::string root, Places places, const Catalogue& catalogue)
    : root_(std::move(root)), places_(std::move(places)), catalogue_(&catalogue) {}

Listing Store::List() const {
  Listing out;
  const Fd root = OpenRoot(root_);
  Folder manifests(root.valid() ? OpenFolder(root.get(), "manifests") : Fd());
  if (manifests.valid()) {
    for (const std::string& folder : manifests.Names(kModelsMax))
      ListModel(manifests.descriptor(), folder, out);
  }
  std::ranges::sort(out.models, {}, &Manifest::name);
  const size_t own = out.models.size();
  for (Manifest& found : FindModels(places_)) {
    const auto end = out.models.begin() + static_cast<ptrdiff_t>(own);
    const auto same =
        std::ranges::lower_bound(out.models.begin(), end, found.name, {}, &Manifest::name);
    if (same == end || same->name != found.name) out.models.push_back(std::move(found));
  }
  std::ranges::sort(out.models, {}, &Manifest::name);
  return out;
}

Result<Manifest> Store::ReadManifest(const Name& name) const {
  const Fd root = OpenRoot(root_);
  const Fd manifests = root.valid() ? OpenFolder(root.get(), "manifests") : Fd();
  const Fd folder =
      manifests.valid() ? OpenFolder(manifests.get(), FolderOf(name.model).c_str()) : Fd();
  if (!folder.valid()) return Fail(Code::kNotFound, "there is no such model");
  return ReadManifestAt(folder.get(), name);
}

Result<Manifest> Store::ResolveBare(const Name& name) const {
  auto latest = ReadManifest({name.model, std::string(kDefaultTag)});
  if (latest || latest.error().code != Code::kNotFound) return latest;
  std::vector<std::string> fitting;
  std::optional<Manifest> found;
  for (const Manifest& manifest : List().models) {
    if (manifest.name.model != name.model) continue;
    fitting.push_back(manifest.name.ToString());
    found = manifest;
  }
  if (fitting.size() > 1) return Fail(Ambiguous(name.model, fitting));
  if (found) return *found;
  return Fail(Code::kNotFound, "there is no such model");
}

Result<Manifest> Store::Resolve(std::string_view text) const {
  const auto name = ParseName(text);
  if (!name) return Fail(name.error());
  auto direct = name->tag.empty() ? ResolveBare(*name) : ReadManifest(*name);
  // An ambiguous name has its own message; it carries a reason.
  if (direct || direct.error().code != Code::kNotFound || !direct.error().reason.empty())
    return direct;
  if (const Entry* entry = catalogue_->Find(name->ToString())) {
    auto known = ReadManifest(entry->name);
    if (known || known.error().code != Code::kNotFound) return known;
  }
  const std::string prefix = name->ToString();
  std::vector<Manifest> fitting;
  for (const Manifest& found : FindModels(places_)) {
    if (found.name == *name) return found;
  }
  if (prefix.size() >= kPrefixMin) {
    fitting = List().models;
    std::erase_if(fitting,
                  [&](const Manifest& each) { return !each.name.ToString().starts_with(prefix); });
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) return Fail(NotFound(prefix));
  std::vector<std::string> names;
  for (const Manifest& each : fitting) names.push_back(each.name.ToString());
  return Fail(Ambiguous(prefix, names));
}

Error Store::NotFound(std::string_view name) const {
  if (const Entry* entry = catalogue_->Find(name)) {
    const std::string full = entry->name.ToString();
    return Unknown(
        fmt::format("model {} is not on this machine; fetch it with `weir pull {}`", full, full));
  }
  const Listing listing = List();
  std::vector<std::string> names;
  const auto add = [&](const Name& each) {
    names.push_back(each.ToString());
    names.push_back(each.model);
  };
  for (const Manifest& manifest : listing.models) add(manifest.name);
  for (const Entry& entry : catalogue_->entries()) {
    add(entry.name);
    names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  const auto near = NearNames(name, {names.begin(), names.end()});
  return Unknown(
      near.empty()
          ? fmt::format("there is no model {}; `weir list` shows those that are there", name)
          : fmt::format("there is no model {}; near it: {}", name, Joined(near)));
}

Result<OpenedModel> Store::Open(std::string_view name) const {
  auto manifest = Resolve(name);
  if (!manifest) return Fail(manifest.error());
  if (!manifest->path.empty()) return OpenFound(*manifest);
  auto fd = OpenStored(*manifest, {manifest->sha256, manifest->size});
  if (!fd) return Fail(fd.error());
  OpenedModel out{manifest->name.ToString(), manifest->sha256, manifest->size,
                  PathOf(manifest->sha256), std::move(*fd)};
  for (const StoredFile& file : FilesBeside(*manifest)) {
    if (auto there = OpenStored(*manifest, file); !there) return Fail(there.error());
    out.beside_bytes += file.size;
  }
  for (const StoredFile& adapter : manifest->adapters)
    out.adapters.push_back(PathOf(adapter.sha256));
  if (manifest->projector) out.projector = PathOf(manifest->projector->sha256);
  return out;
}

Result<Fd> Store::OpenStored(const Manifest& manifest, const StoredFile& file) const {
  Fd fd = OpenBlobOr(file.sha256);
  const auto size = FileSize(fd);
  if (size && *size == file.size) return fd;
  return Fail(
      Code::kUnavailable,
      fmt::format(
          "{} of {} is {}; fetch the model again", WhatIs(manifest, file), manifest.name.ToString(),
          !size ? "missing or not a regular file" : "of another size than its manifest says"),
      "model", "model_damaged");
}

std::string Store::PathOf(std::string_view sha256) const {
  return root_ + "/blobs/" + BlobFile(sha256);
}

Fd Store::OpenBlobOr(std::string_view sha256) const {
  const Fd root = OpenRoot(root_);
  const Fd blobs = root.valid() ? OpenFolder(root.get(), "blobs") : Fd();
  return blobs.valid() ? OpenBelow(blobs.get(), BlobFile(sha256).c_str(), 0) : Fd();
}

Result<Fd> Store::OpenBlob(std::string_view sha256) const {
  Fd file = IsSha256(sha256) ? OpenBlobOr(sha256) : Fd();
  if (!FileSize(file))
    return Fail(Code::kNotFound, "there is no such file in the model store", "digest",
                "blob_not_found");
  return file;
}

Result<Name> Store::WholeName(std::string_view text) const {
  auto name = ParseName(text);
  if (!name || !name->tag.empty()) return name;
  const auto model = Resolve(text);
  if (!model) return Fail(model.error());
  if (model->name.model == name->model) return model->name;
  return name;
}

Result<OpenedModel> Store::OpenFound(const Manifest& manifest) const {
  auto opened = OpenModelFile(manifest.path);
  if (!opened) return opened;
  opened->name = manifest.name.ToString();
  opened->sha256 = manifest.sha256;
  return opened;
}

Result<OpenedModel> OpenModelFile(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return Fail(SystemError("cannot open the model file", errno));
  const auto size = FileSize(fd);
  if (!size) return Fail(Code::kInvalidArgument, "the model is not a regular file", "model");
  return OpenedModel{std::filesystem::path(path).stem().string(), "", *size, path, std::move(fd)};
}

}  // namespace weir::models
