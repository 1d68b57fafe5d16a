// Which Host and Origin are welcome: the defence against DNS rebinding and foreign web pages, on
// every address. Pure.
//
// Host: loopback names and addresses, the addresses that are listened on, and configured names; any
// port, unless the configured name carries one. Origin, when sent: the same host and port as Host,
// or on the configured list.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace weir::http {

struct HostPolicyOptions {
  std::vector<std::string> hosts;    // "weir.lan", "weir.lan:9347"
  std::vector<std::string> origins;  // "https://app.example", or "*" for all
};

class HostPolicy {
 public:
  explicit HostPolicy(HostPolicyOptions options) : options_(std::move(options)) {}

  // `address` as in a Host field: "192.168.1.5", "[fe80::1]". Addresses that stand for all of them
  // are not names of anything and are ignored; the connection's own address is handed to Check
  // instead.
  void AddListener(std::string address);

  // Nothing when welcome, else a 403. `local_address` is where the connection arrived.
  std::optional<Refusal> Check(const Request& request, std::string_view local_address) const;

 private:
  bool HostAllowed(std::string_view field, std::string_view local_address) const;
  bool OriginAllowed(std::string_view origin, std::string_view host) const;

  HostPolicyOptions options_;
  std::vector<std::string> addresses_;
};

// Whether it asks for permission (OPTIONS with Origin and Access-Control-Request-Method), and the
// answer to one that may.
bool IsPreflight(const Request& request);
Reply AnswerPreflight(const Request& request);
// The fields that let a page of another, allowed origin read the answer; none when there is no
// Origin.
void AddCrossOriginFields(const Request& request, Headers& headers);

}  // namespace weir::http
