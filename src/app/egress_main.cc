// The program weir-egress: the door. Started by the launcher alone, with the same words as `weir
// serve`, one socket to the gateway and the configuration in force. Reads that, then the keys that
// it names, then gives up everything but connecting.
#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "app/backend_places.h"
#include "app/configuration_copy.h"
#include "app/serve_arguments.h"
#include "base/log.h"
#include "base/trim.h"
#include "config/preset.h"
#include "egress/egress.h"
#include "process/fd.h"
#include "process/sandbox.h"
#include "wire/control.h"

extern char** environ;

namespace weir::app {
namespace {

constexpr size_t kKeyBytesMax = 4096;

chat::CredentialStyle StyleOf(const config::Backend& backend) {
  const chat::Quirks& quirks =
      config::QuirksOf(*backend.preset, *backend.url, *backend.kind, *backend.tier);
  if (quirks.credential) return *quirks.credential;
  switch (*backend.kind) {
    case config::BackendKind::kAnthropic:
      return chat::CredentialStyle::kXApiKey;
    case config::BackendKind::kGemini:
      return chat::CredentialStyle::kXGoogApiKey;
    default:
      return chat::CredentialStyle::kBearer;
  }
}

// Without the line ends and spaces around it. Empty when there is none, or too much.
std::string ReadKeyFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, kKeyBytesMax + 1> buffer;
  const ssize_t got = file.valid() ? read(file.get(), buffer.data(), buffer.size()) : -1;
  if (got < 0 || static_cast<size_t>(got) > kKeyBytesMax) return "";
  return std::string(Trim({buffer.data(), static_cast<size_t>(got)}));
}

std::string KeyOf(const config::Backend& backend) {
  if (!backend.key_file->empty()) return ReadKeyFile(*backend.key_file);
  if (backend.key_env->empty()) return "";
  const char* key = std::getenv(backend.key_env->c_str());
  return key == nullptr || std::string_view(key).size() > kKeyBytesMax ? "" : key;
}

std::vector<egress::Place> PlacesOf(const config::Settings& settings) {
  std::vector<egress::Place> places;
  for (const config::Backend& backend : settings.backends) {
    if (!IsBeyond(backend)) continue;
    egress::Place place{
        .destination = {*backend.name, UrlsOf(backend), *backend.ceiling},
        .public_allowed = *backend.tier == config::Tier::kCloud || *backend.allow_public,
        .ca_file = *backend.ca_file,
        .proxy = *backend.proxy,
        .credential = StyleOf(backend),
        .key_wanted = !backend.key_env->empty() || !backend.key_file->empty(),
        .key = KeyOf(backend)};
    const char* from = backend.key_file->empty() ? "its key_env" : "its key_file";
    if (place.key_wanted && place.key.empty()) {
      LogWarning("backend {}: there is no key in {}", *backend.name, from);
    } else if (place.key_wanted && !http::IsFieldValue(place.key)) {
      LogWarning(
          "backend {}: what is in {} cannot be a key: it has line ends or other control characters",
          *backend.name, from);
      place.key.clear();
    }
    places.push_back(std::move(place));
  }
  return places;
}

// Loads what glibc loads for a look-up, while loading is still allowed.
void WarmUpResolver() {
  addrinfo* found = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &found) == 0) freeaddrinfo(found);
}

int Run(const std::vector<std::string>& words) {
  const auto arguments = ParseServeArguments(words);
  if (!arguments) return 2;
  auto file = ReadCopy(wire::kDoorConfigurationFd);
  if (!file) return 2;
  const auto settings = LoadSettings(*arguments, *std::move(file));
  if (!settings) return 2;  // the gateway says what is wrong with it
  SetUpLog("egress", LogLevelFromName(*settings->log_level));
  egress::Options options{.socket = wire::kEngineSocketFd,
                          .places = PlacesOf(*settings),
                          .policy_hash = PolicyHashOf(*settings)};
  clearenv();
  WarmUpResolver();
  http::Transfers::WarmUp();
  std::vector<std::string> certificates;
  for (const egress::Place& place : options.places) {
    if (!place.ca_file.empty()) certificates.push_back(place.ca_file);
  }
  const SandboxReport sandbox = ApplySandbox(SandboxSpec::Egress(certificates));
  options.sandbox = sandbox.ToStrings();
  for (const std::string& line : options.sandbox) LogInfo("sandbox: {}", line);
  return egress::RunEgress(std::move(options));
}

}  // namespace
}  // namespace weir::app

int main(int argc, char** argv) {
  if (fcntl(weir::wire::kEngineSocketFd, F_GETFD) < 0) {
    fmt::print(stderr, "weir: this program is started by 'weir serve'\n");
    return 2;
  }
  return weir::app::Run({argv + 1, argv + argc});
}
