#include "models/found.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "json/fields.h"
#include "json/parse.h"
#include "models/naming.h"

namespace weir::models {
namespace {

namespace fs = std::filesystem;
constexpr size_t kOllamaManifestBytesMax = size_t{1} << 20;
constexpr std::string_view kDigest = "sha256:";

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class Finder {
 public:
  std::vector<Manifest> Take() {
    std::ranges::sort(found_, {}, &Manifest::name);
    return std::move(found_);
  }

  // A file that a folder of another program holds under `shown`; links are followed, but not out of
  // `root`.
  void Add(const fs::path& root, const fs::path& file, Name name, std::string source,
           std::string sha256) {
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error) return;
    const auto [end, _] = std::ranges::mismatch(root, real);
    struct stat status{};
    if (end != root.end() || stat(real.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size == 0 || found_.size() >= kFoundMax || !names_.insert(name.ToString()).second)
      return;
    // Hugging Face calls a large file's blob by its sha256, and so does Ollama.
    const std::string blob = real.filename().string();
    if (sha256.empty() && IsSha256(blob)) sha256 = blob;
    found_.push_back({.name = std::move(name),
                      .format = "gguf",
                      .sha256 = std::move(sha256),
                      .size = static_cast<uint64_t>(status.st_size),
                      .source = std::move(source),
                      .path = real.string()});
  }

  // Every GGUF file below, `depth` folders deep.
  void Walk(const fs::path& root, const fs::path& folder, int depth, const std::string& source) {
    for (const fs::path& entry : Entries(folder)) {
      std::error_code error;
      const std::string name = entry.filename().string();
      if (fs::is_directory(fs::symlink_status(entry, error))) {
        if (depth > 0) Walk(root, entry, depth - 1, source);
      } else if (IsModelFile(name)) {
        Add(root, entry, NameOfFile(name), source, "");
      }
    }
  }

  std::vector<fs::path> Entries(const fs::path& folder) {
    std::vector<fs::path> out;
    if (++folders_ > kFoundFoldersMax) return out;
    std::error_code error;
    fs::directory_iterator all(folder, error);
    for (; !error && all != fs::directory_iterator(); all.increment(error)) {
      if (!all->path().filename().string().starts_with('.')) out.push_back(all->path());
    }
    std::ranges::sort(out);
    return out;
  }

 private:
  static bool IsModelFile(const std::string& file) {
    const std::string name = Lower(file);
    return name.ends_with(".gguf") && name.find("mmproj") == std::string::npos &&
           name.find("-of-0") == std::string::npos;
  }

  std::vector<Manifest> found_ = {};
  std::set<std::string> names_ = {};
  size_t folders_ = 0;
};

void FindInHub(const fs::path& root, Finder& finder) {
  for (const fs::path& repository : finder.Entries(root)) {
    const std::string name = repository.filename().string();
    if (!name.starts_with("models--")) continue;
    std::string shown = name.substr(std::string_view("models--").size());
    if (const size_t at = shown.find("--"); at != std::string::npos) shown.replace(at, 2, "/");
    for (const fs::path& snapshot : finder.Entries(repository / "snapshots"))
      finder.Walk(root, snapshot, 2, "found:huggingface:" + shown);
  }
}

// The digest of the only model layer.
std::string ModelDigest(const fs::path& manifest) {
  std::error_code error;
  if (fs::file_size(manifest, error) > kOllamaManifestBytesMax || error) return "";
  std::string text;
  std::ifstream file(manifest, std::ios::binary);
  std::getline(file, text, '\0');
  const auto document = json::Parse(text, {.depth = 16, .bytes = kOllamaManifestBytesMax});
  if (!document) return "";
  const json::Value* layers = document->Find("layers");
  if (layers == nullptr || layers->AsArray() == nullptr) return "";
  for (const json::Value& layer : *layers->AsArray()) {
    const json::Value* type = layer.Find("mediaType");
    const json::Value* digest = layer.Find("digest");
    if (type == nullptr || digest == nullptr || type->AsString() == nullptr ||
        digest->AsString() == nullptr || *type->AsString() != "application/vnd.ollama.image.model")
      continue;
    const std::string& words = *digest->AsString();
    const std::string hex = words.starts_with(kDigest) ? words.substr(kDigest.size()) : "";
    return IsSha256(hex) ? hex : "";
  }
  return "";
}

void FindInOllama(const fs::path& root, Finder& finder) {
  for (const fs::path& host : finder.Entries(root / "manifests")) {
    for (const fs::path& space : finder.Entries(host)) {
      for (const fs::path& model : finder.Entries(space)) {
        for (const fs::path& tag : finder.Entries(model)) {
          const std::string text = fmt::format("{}/{}:{}", space.filename().string(),
                                               model.filename().string(), tag.filename().string());
          auto name = ParseName(text);
          const std::string digest = name ? ModelDigest(tag) : "";
          if (!digest.empty())
            finder.Add(root, root / "blobs" / ("sha256-" + digest), *name,
                       "found:ollama:" + name->ToString(), digest);
        }
      }
    }
  }
}

template <class Find>
void InEach(const std::vector<std::string>& folders, Find&& find) {
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error && fs::is_directory(real, error)) find(real);
  }
}

}  // namespace

Places Places::Of(const std::function<std::optional<std::string>(const char*)>& variable) {
  const auto value = [&](const char* name) { return variable(name).value_or(""); };
  const std::string home = value("HOME");
  Places out;
  const std::string cache =
      value("XDG_CACHE_HOME").empty() ? home + "/.cache" : value("XDG_CACHE_HOME");
  if (const std::string hub = value("HF_HUB_CACHE"); !hub.empty()) {
    out.hub.push_back(hub);
  } else if (const std::string hf = value("HF_HOME"); !hf.empty()) {
    out.hub.push_back(hf + "/hub");
  } else if (!home.empty()) {
    out.hub.push_back(cache + "/huggingface/hub");
  }
  if (const std::string ollama = value("OLLAMA_MODELS"); !ollama.empty()) {
    out.ollama.push_back(ollama);
  } else if (!home.empty()) {
    out.ollama.push_back(home + "/.ollama/models");
  }
  if (!home.empty())
    out.lm_studio = {home + "/.lmstudio/models", home + "/.cache/lm-studio/models"};
  return out;
}

std::vector<std::string> Places::Folders() const {
  std::vector<std::string> out;
  for (const auto* folders : {&hub, &ollama, &lm_studio})
    InEach(*folders, [&](const fs::path& folder) { out.push_back(folder.string()); });
  return out;
}

Name NameOfFile(const std::string& file) { return NameFor(file, QuantisationIn(file)); }

std::vector<Manifest> FindModels(const Places& places) {
  Finder finder;
  InEach(places.ollama, [&](const fs::path& root) { FindInOllama(root, finder); });
  InEach(places.hub, [&](const fs::path& root) { FindInHub(root, finder); });
  InEach(places.lm_studio,
         [&](const fs::path& root) { finder.Walk(root, root, 3, "found:lmstudio"); });
  return finder.Take();
}

}  // namespace weir::models
