// One authenticated request on its way through a handler: who asks, what they said in headers, and
// the few ways to answer.
//
// It lives on the stack of the front (front.h); handlers get a reference.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "gateway/gateway.h"
#include "http/exchange.h"
#include "knowledge/passages.h"
#include "routing/decision.h"
#include "server/error_shape.h"

namespace weir::server {

std::string NewRequestId();
// A head with the headers that every answer has, those of refusals before a Call included.
http::Reply HeadOf(int status, std::string_view content_type, ErrorShape shape,
                   std::string_view request_id);

struct Call {
  http::Exchange& exchange;
  std::string request_id = {};
  ErrorShape shape = ErrorShape::kOpenAi;  // of the dialect that was called
  gateway::Asked asked = {};
  std::string tail = {};     // of the path, behind a prefix route
  std::string allowed = {};  // where the path does not take the method: those that it takes (405)
  int status = 0;            // of the answer, once there is one; for metrics
  // What the answer is given to rest on; absent: it is not to rest on anything.
  std::optional<std::vector<knowledge::Passage>> sources = {};
  std::string question = {};  // that they were found for
  int64_t tokens = 0;         // that the answer cost, for the key's limits
  bool failed_in_stream = false;
  // What the client calls a field of the canonical request, where that depends on what it sent.
  std::function<std::string(std::string_view param)> field_of = {};
  // What was decided, where the answer is an error.
  std::optional<gateway::Unanswered> unanswered = {};

  const http::Request& request() const { return exchange.request(); }

  http::Reply Head(int status_code, std::string_view content_type);
  // Of bytes that somebody sent here: they are never taken for a page of this server.
  http::Reply HeadOfDownload();
  Task<Result<void>> SendJson(int status_code, std::string body);
  // In the shape of the dialect that was called; Weir's own routes share OpenAI's.
  Task<Result<void>> SendError(const Error& error);
};

// x-weir-decision, -target, -tier, -label; those of the target where one is known.
void AddDecisionHeaders(http::Reply& reply, std::string_view decision_id,
                        const routing::Target* target, chat::Label label);

}  // namespace weir::server
