#include "app/server_specs.h"

#include "base/check.h"
#include "base/fnv.h"
#include "config/command.h"
#include "config/url.h"

namespace weir::app {

uint64_t ServerFingerprint(const config::Backend& backend) {
  Fnv1a all;
  const auto add = [&all](std::string_view text) { all.Add(uint64_t{text.size()}).Add(text); };
  add(*backend.url);
  add(*backend.health);
  all.Add(static_cast<uint64_t>(backend.start_timeout->count()));
  all.Add(static_cast<uint64_t>(backend.health_timeout->count()));
  for (const std::string& word : *backend.command) add(word);
  return all.value();
}

std::vector<ServerSpec> ServerSpecsOf(const config::Settings& settings, std::string_view path) {
  std::vector<ServerSpec> specs;
  for (const config::Backend& backend : settings.backends) {
    if (backend.command->empty()) continue;
    const auto place = config::ParseLoopback(*backend.url);
    CHECK(place.has_value(), "the configuration takes no other url beside a command");
    const std::string& name = backend.command->front();
    ServerSpec spec{.backend = *backend.name,
                    .program = config::FindProgram(name, path).value_or(name),
                    .arguments = {backend.command->begin() + 1, backend.command->end()},
                    .host = place->host,
                    .health = *backend.health,
                    .start_timeout = *backend.start_timeout,
                    .health_timeout = *backend.health_timeout,
                    .fingerprint = ServerFingerprint(backend)};
    for (const std::string& address : place->addresses) {
      if (const auto found = LoopbackAddressOf(address, place->port)) {
        spec.addresses.push_back(*found);
      }
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace weir::app
