// The egress process: the only holder of provider keys, and the only one that connects to backends.
// It serves one gateway over one socket and ends with it.
//
// Call once, from main, in a process that the launcher started. Single-threaded but for libcurl's
// own resolver threads.
#pragma once

#include <string>
#include <vector>

#include "egress/conversation.h"

namespace weir::egress {

struct Options {
  int socket = -1;  // inherited; taken over
  std::vector<Place> places = {};
  std::string policy_hash = {};
  std::vector<std::string> sandbox = {};  // lines of the report, for the gateway
  http::TransfersOptions transfers = {};
};

// Returns the exit code: 0 when the gateway ended the conversation, 1 when it broke the protocol.
int RunEgress(Options options);

}  // namespace weir::egress
