// What Prometheus reads at /metrics: counters of the gateway itself. Names follow Prometheus'
// conventions; labels never hold text of a request.
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/edge_servers.h"
#include "backends/engine_fleet.h"
#include "backends/provider_fleet.h"
#include "base/clock.h"
#include "server/key_book.h"

namespace weir::server {

// A label's value: our own names, but a model's may hold a quote.
std::string EscapedLabel(std::string_view text);

// The servers that run here for backends of the configuration, in Prometheus' format.
std::string RenderServers(const std::vector<backends::EdgeServers::Status>& servers);

class Metrics {
 public:
  void CountRequest(std::string_view route, int status, Duration took);
  void CountTokens(std::string_view model, int64_t prompt, int64_t cached, int64_t completion);
  void CountClientGone() { ++clients_gone_; }
  void CountBrokenStream() { ++broken_streams_; }
  KeyBook& keys() { return keys_; }
  const KeyBook& keys() const { return keys_; }

  // Prometheus' text format 0.0.4, with the figures of each engine and of all together.
  std::string Render(const std::vector<backends::EngineStatus>& engines,
                     const std::vector<backends::ProviderStatus>& targets = {},
                     const backends::FleetMemory& memory = {}) const;

 private:
  struct Route {
    uint64_t count = 0;
    double seconds = 0;
  };
  struct Tokens {
    int64_t prompt = 0;
    int64_t cached = 0;
    int64_t completion = 0;
  };

  std::map<std::pair<std::string, int>, Route> routes_ = {};  // bounded by the route table
  std::map<std::string, Tokens, std::less<>> tokens_ = {};    // bounded by the model store
  KeyBook keys_ = {};
  uint64_t clients_gone_ = 0;
  uint64_t broken_streams_ = 0;
};

}  // namespace weir::server
