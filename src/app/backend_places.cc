#include "app/backend_places.h"

#include "config/show.h"

namespace weir::app {

bool IsBeyond(const config::Backend& backend) {
  return *backend.kind != config::BackendKind::kEngine;
}

std::vector<std::string> UrlsOf(const config::Backend& backend) {
  std::vector<std::string> urls = {*backend.url};
  urls.insert(urls.end(), backend.replicas->begin(), backend.replicas->end());
  return urls;
}

std::vector<privacy::Destination> DestinationsOf(const config::Settings& settings) {
  std::vector<privacy::Destination> destinations;
  for (const config::Backend& backend : settings.backends) {
    if (IsBeyond(backend)) {
      destinations.push_back({*backend.name, UrlsOf(backend), *backend.ceiling});
    }
  }
  return destinations;
}

std::string PolicyHashOf(const config::Settings& settings) {
  return privacy::PolicyHash(config::Show(settings));
}

}  // namespace weir::app
