#include "fetch/surroundings.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace weir::fetch {
namespace {

std::string Variable(const char* name, std::string otherwise = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : std::string(value);
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string CacheFolder() {
  const std::string home = Variable("XDG_CACHE_HOME", Variable("HOME", "/tmp") + "/.cache");
  return Variable("WEIR_CACHE", home + "/weir");
}

// HF_TOKEN, or what `huggingface-cli login` left.
std::string HubToken() {
  const std::string given = Variable("HF_TOKEN", Variable("HUGGING_FACE_HUB_TOKEN"));
  if (!given.empty()) return given;
  const std::string home = Variable("HF_HOME", Variable("HOME") + "/.cache/huggingface");
  std::string token;
  std::ifstream(Variable("HF_TOKEN_PATH", home + "/token")) >> token;
  return token.size() <= 1024 ? token : "";
}

}  // namespace

Job JobOfSurroundings() {
  Job job{.cache = CacheFolder(),
          .hub = WithoutSlash(Variable("HF_ENDPOINT", "https://huggingface.co")),
          .hub_token = HubToken(),
          .registry = WithoutSlash(Variable("OLLAMA_REGISTRY", "https://registry.ollama.ai")),
          .ca_file = Variable("SSL_CERT_FILE", Variable("CURL_CA_BUNDLE"))};
  const int64_t stall = std::strtoll(Variable("WEIR_FETCH_STALL_MS", "30000").c_str(), nullptr, 10);
  job.stall_ms = std::clamp<int64_t>(stall, 100, 3'600'000);
  return job;
}

}  // namespace weir::fetch
