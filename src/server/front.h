// The way in for every request, and the only one: authentication, limits, the route, and an answer
// in any case. Liveness is the only thing that needs no key.
#pragma once

#include <optional>
#include <string>

#include "async/task.h"
#include "http/exchange.h"
#include "http/message.h"
#include "server/site.h"

namespace weir::server {

Task<void> Serve(Site& site, http::Exchange& exchange);

// What the HTTP server refuses itself, in the shape of OpenAI's errors.
http::Reply RenderRefusal(const http::Refusal& refusal, const http::Request* request);

// The credential of "Authorization: Bearer X", "x-api-key: X", or as clients of Qdrant and Chroma
// send it, "api-key: X" and "x-chroma-token: X"; kUnauthenticated when several are sent and differ,
// when one is sent twice, or the scheme is another. Empty when there is none.
Result<std::string> Credential(const http::Request& request);

// The x-weir-* headers; kInvalidArgument names the header that is wrong.
Result<gateway::Asked> AskedOf(const http::Request& request, chat::Principal principal);

}  // namespace weir::server
